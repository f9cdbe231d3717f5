/// What visitors of a municipality search for.
enum DutchWords {
    static let searches = """
        paspoort;identiteitskaart;rijbewijs;verhuizen;afspraak maken;openingstijden;afvalkalender;milieustraat;grofvuil;\
        groene container;parkeervergunning;bezoekersparkeren;laadpaal;dakkapel;omgevingsvergunning;bestemmingsplan;\
        kapvergunning;bezwaar maken;leges;onroerendezaakbelasting;rioolheffing;kwijtschelding;aanslag;betalingsregeling;\
        uittreksel;geboorteakte;trouwen;geregistreerd partnerschap;overlijden aangeven;naamskeuze;erkenning;\
        nationaliteit;naturalisatie;verklaring omtrent gedrag;briefadres;inschrijven;uitschrijven;emigreren;\
        leerlingenvervoer;kinderopvang;consultatiebureau;jongerenwerk;schuldhulp;bijstand;bijzondere bijstand;\
        individuele inkomenstoeslag;huishoudelijke hulp;rolstoel;gehandicaptenparkeerkaart;mantelzorg;dagbesteding;\
        vrijwilligerswerk;taalcursus;inburgering;woningruil;huurwoning;woonurgentie;starterslening;subsidie;\
        zonnepanelen;warmtepomp;isolatie;energietoeslag;straatverlichting;stoeptegel;zwerfvuil;hondenpoep;\
        overlast melden;geluidsoverlast;evenementenvergunning;standplaats;terrasvergunning;kermis;weekmarkt;\
        zwembad;bibliotheek;sporthal;speeltuin;begraafplaats;volkstuin;fietsenstalling;wegwerkzaamheden;\
        omleiding;snelheidsremmers;gladheid;riool verstopt;wateroverlast;grondwater;archief;raadsvergadering;\
        raadsleden;wethouder;burgemeester;verkiezingen;stempas;kiezerspas;inspreken;referendum;vacatures;stage;\
        aanbesteding;ondernemersloket;horecavergunning;gevonden voorwerpen;financiën;coördinatie zorg;privacy
        """.split(separator: ";").map(String.init)
}

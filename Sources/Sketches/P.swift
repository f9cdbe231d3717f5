enum SketchesPlaceholder {}

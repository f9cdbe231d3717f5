enum HeadsPlaceholder {}

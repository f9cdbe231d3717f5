enum PacketsPlaceholder {}

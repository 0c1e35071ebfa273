"""What people tick: templates, running copies, and items that tick because something is so."""

"""Line interface: a viewer without a screen, for screen readers, pipes, slow connections and dumb terminals."""

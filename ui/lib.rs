//! View models and the bridge between use cases and the Slint face.

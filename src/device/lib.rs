//! Camera, microphone, clock, battery, storage: the adapters to the device.

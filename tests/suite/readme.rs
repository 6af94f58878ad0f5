//! What the README shows is what is there.

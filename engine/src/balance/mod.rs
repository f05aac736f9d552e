//! Layer 3: which endpoint takes the next exchange. Pure: the state that changes is lent in.

pub mod pick;

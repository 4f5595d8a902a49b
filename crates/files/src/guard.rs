//! Decoders of other people index without checks on some damaged files. A panic there costs this file only, and prints
//! nothing: its sentence is the caller's.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<usize> = const { Cell::new(0) };
}

/// The decoder panicked: the data are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data are damaged")]
pub struct Damaged;

/// Runs a foreign decoder on foreign bytes; a panic in it becomes an error.
///
/// ```
/// use thoracast_files::guard::{Damaged, decode};
/// assert_eq!(decode(|| 1), Ok(1));
/// assert_eq!(decode(|| Vec::<u8>::new()[0]), Err(Damaged));
/// ```
///
/// # Errors
/// [`Damaged`] after a panic; what the decoder wrote to is not to be used then.
pub fn decode<T>(work: impl FnOnce() -> T) -> Result<T, Damaged> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if GUARDED.get() == 0 {
                usual(panic);
            }
        }));
    });
    GUARDED.set(GUARDED.get() + 1);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(GUARDED.get() - 1);
    result.map_err(|_| Damaged)
}

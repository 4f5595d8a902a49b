//! Panics of foreign decoders on damaged data, caught without a trace on the terminal.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// How many catches this thread is within: their panics are told as the file's error, not by the hook.
    static CAUGHT: Cell<usize> = const { Cell::new(0) };
}

static HOOK: Once = Once::new();

/// The panic came from within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Runs what may panic; its panic prints nothing. Panics of all other code reach the hook that was there before.
///
/// # Errors
/// `Panicked`.
pub(crate) fn catch_panic<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if CAUGHT.with(Cell::get) == 0 {
                before(panic);
            }
        }));
    });
    CAUGHT.with(|depth| depth.set(depth.get() + 1));
    let result = catch_unwind(AssertUnwindSafe(run));
    CAUGHT.with(|depth| depth.set(depth.get() - 1));
    result.map_err(|_| Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_is_an_error_and_the_next_run_is_fine() {
        assert_eq!(catch_panic(|| -> i32 { panic!("index out of range") }), Err(Panicked));
        assert_eq!(catch_panic(|| 7), Ok(7));
        assert_eq!(CAUGHT.with(Cell::get), 0);
    }
}

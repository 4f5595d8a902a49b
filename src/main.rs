//! `thoracast`: the workstation, or one job from the shell.

fn main() -> std::process::ExitCode {
    #[cfg(target_os = "linux")]
    set_runtime_folder();
    thoracast::cli::main()
}

/// Names the usual runtime folder where none is set. Mesa's drivers ask libwayland for a display, which otherwise complains
/// on the terminal; it need not exist.
#[cfg(target_os = "linux")]
fn set_runtime_folder() {
    use std::os::unix::fs::MetadataExt;
    const NAME: &str = "XDG_RUNTIME_DIR";
    if std::env::var_os(NAME).is_some_and(|folder| !folder.is_empty()) {
        return;
    }
    if let Ok(own) = std::fs::metadata("/proc/self") {
        // SAFETY: the first thing the program does; no other thread reads the environment yet.
        unsafe { std::env::set_var(NAME, format!("/run/user/{}", own.uid())) };
    }
}

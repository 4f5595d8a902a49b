//! Where tests find the shared reference material.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::assess::{Models, Places};
use crate::nn::DeviceChoice;
use thoracast_files::progress::Silent;

/// The folder `../shared/<part>`. Absent: panics under `CI=true`, else prints why the test is left out and gives `None`.
pub fn shared(part: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(part);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is absent, but CI needs it", path.display());
    eprintln!("ignored: {} is absent", path.display());
    None
}

/// The program's own models, loaded once.
pub fn models() -> &'static Models {
    static MODELS: OnceLock<Models> = OnceLock::new();
    MODELS.get_or_init(|| {
        let places =
            Places { shipped: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models"), library: None };
        Models::load(&places, DeviceChoice::Cpu, &Silent).expect("the models are in the project")
    })
}

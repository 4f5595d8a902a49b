//! What the tests of this crate share.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::assess::{Models, Places};
use crate::nn::DeviceChoice;
use thoracast_files::progress::Silent;
pub use thoracast_files::testing::shared;

/// The program's own models, loaded once.
pub fn models() -> &'static Models {
    static MODELS: OnceLock<Models> = OnceLock::new();
    MODELS.get_or_init(|| {
        let places =
            Places { shipped: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models"), library: None };
        Models::load(&places, DeviceChoice::Cpu, &Silent).expect("the models are in the project")
    })
}

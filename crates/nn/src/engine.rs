//! A backbone on its device: the fast form on the CPU, candle's on CUDA.

use candle_core::Device;

use super::device;
use super::fast::FastBackbone;
use super::grad_cam::FeatureMap;
use super::layers::Backbone;
use super::state_dict::StateDict;
use super::{Arch, DeviceChoice, NnError};

/// The smallest side that leaves every layer at least one pixel.
const SMALLEST_SIDE: usize = 32;

/// A backbone with its weights, ready to run.
pub struct Engine {
    backbone: Form,
    name: String,
    notice: Option<String>,
}

enum Form {
    Fast(FastBackbone),
    Candle(Backbone, Device),
}

impl Engine {
    /// Takes the backbone's weights out of a checked dictionary.
    pub fn new(arch: Arch, dict: &StateDict, choice: DeviceChoice) -> Result<Self, NnError> {
        let chosen = device::choose(choice)?;
        let backbone = match chosen.device.is_cpu() {
            true => Form::Fast(FastBackbone::new(arch, dict).map_err(NnError::Compute)?),
            false => {
                Form::Candle(Backbone::from_dict(arch, dict, &chosen.device).map_err(compute)?, chosen.device)
            }
        };
        Ok(Self { backbone, name: chosen.name, notice: chosen.notice })
    }

    /// The last feature map of one normalised image (3, height, width).
    pub fn feature_map(&self, image: &[f32], height: usize, width: usize) -> Result<FeatureMap, NnError> {
        check_size(image, height, width)?;
        match &self.backbone {
            Form::Fast(net) => Ok(net.feature_map(image, height, width)),
            Form::Candle(net, device) => net.feature_map(image, height, width, device).map_err(compute),
        }
    }

    pub fn device_name(&self) -> &str {
        &self.name
    }

    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }
}

fn check_size(image: &[f32], height: usize, width: usize) -> Result<(), NnError> {
    if height < SMALLEST_SIDE || width < SMALLEST_SIDE {
        return Err(NnError::Compute(format!(
            "an image of {width}×{height} pixels is too small; the networks need at least {SMALLEST_SIDE}×{SMALLEST_SIDE}"
        )));
    }
    match image.len() == 3 * height * width {
        true => Ok(()),
        false => Err(NnError::Compute(format!("{} values are no image of 3×{height}×{width}", image.len()))),
    }
}

/// candle's errors carry a backtrace behind their first line; a person needs the line.
pub fn compute(e: candle_core::Error) -> NnError {
    NnError::Compute(e.to_string().lines().next().unwrap_or_default().to_owned())
}

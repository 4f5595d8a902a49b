//! Where a network runs.

use candle_core::Device;

use super::{DeviceChoice, NnError};

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(any(feature = "cuda", test))]
mod libraries;

/// A device and what to tell about it.
pub struct Chosen {
    pub device: Device,
    /// "CPU (2 threads)" or "NVIDIA A100-SXM4-80GB (CUDA, 79 GiB)".
    pub name: String,
    /// Why the CPU was taken although this build can use a GPU, if so.
    pub notice: Option<String>,
}

/// Resolves a choice: `Auto` falls back to the CPU with a notice, `Cuda` fails where there is none.
///
/// # Errors
/// One sentence that says what CUDA lacks here: the build, the driver, a library or the device.
pub fn choose(choice: DeviceChoice) -> Result<Chosen, NnError> {
    match choice {
        // A build without CUDA has nothing to fall back from, so nothing to tell.
        DeviceChoice::Auto if !super::cuda_is_built_in() => resolve(DeviceChoice::Cpu, open_cuda),
        _ => resolve(choice, open_cuda),
    }
}

/// The choice with CUDA's opening as a parameter, which no test machine can be asked to provide.
fn resolve(
    choice: DeviceChoice,
    open_cuda: impl FnOnce() -> Result<(Device, String), String>,
) -> Result<Chosen, NnError> {
    let opened = match choice {
        DeviceChoice::Cpu => return Ok(cpu(None)),
        DeviceChoice::Auto | DeviceChoice::Cuda => open_cuda(),
    };
    match opened {
        Ok((device, name)) => Ok(Chosen { device, name, notice: None }),
        Err(reason) if choice == DeviceChoice::Cuda => Err(NnError::Device(format!(
            "CUDA cannot be used: {reason}; choose the processor with --device cpu or auto"
        ))),
        Err(reason) => Ok(cpu(Some(format!("the networks run on the processor: {reason}")))),
    }
}

#[cfg(feature = "cuda")]
use cuda::open as open_cuda;

#[cfg(not(feature = "cuda"))]
fn open_cuda() -> Result<(Device, String), String> {
    Err("this build has no CUDA support".to_owned())
}

fn cpu(notice: Option<String>) -> Chosen {
    let name = match rayon::current_num_threads() {
        1 => "CPU (1 thread)".to_owned(),
        n => format!("CPU ({n} threads)"),
    };
    Chosen { device: Device::Cpu, name, notice }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_driver() -> Result<(Device, String), String> {
        Err("no driver".to_owned())
    }

    #[test]
    fn auto_falls_back_and_says_why() {
        let chosen = resolve(DeviceChoice::Auto, no_driver).unwrap();
        assert!(chosen.device.is_cpu() && chosen.name.starts_with("CPU ("), "{}", chosen.name);
        assert_eq!(chosen.notice.unwrap(), "the networks run on the processor: no driver");
    }

    #[test]
    fn cuda_fails_in_one_sentence_that_says_why_and_what_to_do() {
        let error = resolve(DeviceChoice::Cuda, no_driver).err().unwrap().to_string();
        assert_eq!(error, "CUDA cannot be used: no driver; choose the processor with --device cpu or auto");
    }

    #[test]
    fn the_cpu_is_taken_without_looking_for_cuda() {
        let chosen = resolve(DeviceChoice::Cpu, || panic!("CUDA was looked for")).unwrap();
        assert!(chosen.device.is_cpu() && chosen.notice.is_none());
    }

    #[test]
    fn an_opened_device_is_named_without_a_notice() {
        for choice in [DeviceChoice::Auto, DeviceChoice::Cuda] {
            let chosen = resolve(choice, || Ok((Device::Cpu, "a card".to_owned()))).unwrap();
            assert_eq!((chosen.name.as_str(), chosen.notice), ("a card", None));
        }
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn a_build_without_cuda_takes_the_cpu_silently_and_refuses_cuda() {
        let auto = choose(DeviceChoice::Auto).unwrap();
        assert!(auto.device.is_cpu() && auto.notice.is_none());
        let error = choose(DeviceChoice::Cuda).err().unwrap().to_string();
        assert!(error.contains("no CUDA support") && error.contains("--device cpu"), "{error}");
    }

    #[test]
    #[cfg(feature = "cuda")]
    fn a_build_with_cuda_opens_the_card_or_says_in_one_line_why_not() {
        let auto = choose(DeviceChoice::Auto).unwrap();
        match choose(DeviceChoice::Cuda) {
            Ok(chosen) => {
                assert!(chosen.device.is_cuda() && chosen.name.contains("CUDA"), "{}", chosen.name);
                assert!(auto.device.is_cuda() && auto.notice.is_none());
            }
            Err(error) => {
                let (error, notice) = (error.to_string(), auto.notice.unwrap());
                assert!(auto.device.is_cpu());
                assert!(!error.contains('\n') && !notice.contains('\n'), "{error} / {notice}");
            }
        }
    }
}

//! Where a network runs.

use candle_core::Device;

use super::{DeviceChoice, NnError};

/// A device and what to tell about it.
pub struct Chosen {
    pub device: Device,
    /// "CPU (2 threads)" or the CUDA device's name.
    pub name: String,
    /// Why the CPU was taken although a GPU was asked for, if so.
    pub notice: Option<String>,
}

/// Resolves a choice: `Auto` falls back to the CPU with a notice, `Cuda` fails where there is none.
pub fn choose(choice: DeviceChoice) -> Result<Chosen, NnError> {
    let cpu = |notice| Chosen { device: Device::Cpu, name: cpu_name(), notice };
    match choice {
        DeviceChoice::Cpu => Ok(cpu(None)),
        DeviceChoice::Cuda => cuda().map_err(NnError::Device),
        // A build without CUDA has nothing to fall back from, so nothing to tell.
        DeviceChoice::Auto if !candle_core::utils::cuda_is_available() => Ok(cpu(None)),
        DeviceChoice::Auto => {
            Ok(cuda().unwrap_or_else(|reason| cpu(Some(format!("running on the CPU: {reason}")))))
        }
    }
}

fn cuda() -> Result<Chosen, String> {
    if !candle_core::utils::cuda_is_available() {
        return Err("this build has no CUDA support; use the CPU (--device cpu or auto)".to_owned());
    }
    match Device::new_cuda(0) {
        Ok(device) => Ok(Chosen { device, name: "CUDA device 0".to_owned(), notice: None }),
        Err(e) => Err(format!("no CUDA device can be used ({e}); use --device cpu or auto")),
    }
}

fn cpu_name() -> String {
    match rayon::current_num_threads() {
        1 => "CPU (1 thread)".to_owned(),
        n => format!("CPU ({n} threads)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_cuda_auto_takes_the_cpu_and_cuda_fails() {
        if candle_core::utils::cuda_is_available() {
            eprintln!("this build has CUDA: nothing to test here");
            return;
        }
        let auto = choose(DeviceChoice::Auto).unwrap();
        assert!(auto.device.is_cpu() && auto.name.starts_with("CPU (") && auto.notice.is_none());
        let error = choose(DeviceChoice::Cuda).err().unwrap().to_string();
        assert!(error.contains("no CUDA support") && error.contains("--device cpu"), "{error}");
    }
}

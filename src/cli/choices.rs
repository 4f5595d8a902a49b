//! Choices of the domain as values of the command line.

use clap::ValueEnum;
use clap::builder::{EnumValueParser, TypedValueParser};

use thoracast_nn::{Arch, DeviceChoice};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Device {
    /// CUDA if this build and machine have it, else the CPU
    Auto,
    /// The processor
    Cpu,
    /// The graphics card; fails where there is none
    Cuda,
}

/// Reads where a network runs.
pub(super) fn device() -> impl TypedValueParser<Value = DeviceChoice> {
    EnumValueParser::<Device>::new().map(|device| match device {
        Device::Auto => DeviceChoice::Auto,
        Device::Cpu => DeviceChoice::Cpu,
        Device::Cuda => DeviceChoice::Cuda,
    })
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Network {
    Densenet161,
    Resnet50,
}

/// Reads an architecture.
pub(super) fn arch() -> impl TypedValueParser<Value = Arch> {
    EnumValueParser::<Network>::new().map(|network| match network {
        Network::Densenet161 => Arch::Densenet161,
        Network::Resnet50 => Arch::Resnet50,
    })
}

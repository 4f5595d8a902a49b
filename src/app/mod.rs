//! The window: state, commands, background jobs, one file a panel.
//!
//! Panels draw [`State`] and send [`Command`]s; jobs send what they found as commands too; only
//! [`handle`] changes state. Nothing here waits: whatever takes longer than a frame is a job.

pub mod action;
pub mod cohort;
pub mod command;
pub mod gallery;
mod gpu;
mod handle;
pub mod jobs;
pub mod keymap;
mod letters;
mod panels;
mod pictures;
mod placement;
pub mod settings;
pub mod shelf;
pub mod sketch;
pub mod state;
pub mod statistics;
mod theme;
pub mod training;
pub mod viewer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use command::{Action, Command};
use jobs::Jobs;
use pictures::Pictures;
use state::{Dialog, State};
use thoracast_core::assess::{AssessError, Models};
use thoracast_core::nn::DeviceChoice;

/// A frame longer than this, in seconds, is missed on a 60 Hz screen.
const SLOW_FRAME_S: f32 = 0.016;

/// How the window is to start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Studies and tables to open at once.
    pub paths: Vec<PathBuf>,
    /// Open the demonstration patient.
    pub demo: bool,
    /// Where the models are, if not in the usual places.
    pub models: Option<PathBuf>,
    /// Where imported weights are kept; without it nothing can be imported.
    pub library: Option<PathBuf>,
    pub device: DeviceChoice,
    /// Where recent files and keys are remembered; nowhere if `None`.
    pub settings: Option<PathBuf>,
}

/// The workstation: state, running jobs, loaded models, drawn pictures.
pub struct Workstation {
    pub state: State,
    pub jobs: Jobs,
    models: ModelsState,
    pictures: Pictures,
    /// How the Statistics tab's tiles lie.
    arrangement: panels::Arrangement,
    viewport: Option<gpu::Viewport>,
    options: Options,
    /// Adapter and backend the window is drawn with, for the status bar.
    adapter: String,
    started: bool,
}

/// The models as they are being loaded in the background.
#[derive(Default)]
enum ModelsState {
    #[default]
    Waiting,
    Ready(Arc<Models>),
    Failed(AssessError),
}

impl Workstation {
    pub fn new(cc: &eframe::CreationContext<'_>, options: Options) -> Self {
        theme::install(&cc.egui_ctx);
        Self {
            state: State::new(),
            jobs: Jobs::new(cc.egui_ctx.clone()),
            models: ModelsState::Waiting,
            pictures: Pictures::default(),
            arrangement: panels::Arrangement::default(),
            viewport: cc.wgpu_render_state.as_ref().map(gpu::Viewport::new),
            options,
            adapter: adapter_name(cc),
            started: false,
        }
    }

    /// The models, once they are loaded.
    pub fn models(&self) -> Option<&Arc<Models>> {
        match &self.models {
            ModelsState::Ready(models) => Some(models),
            _ => None,
        }
    }

    /// True when nothing runs and nothing is about to.
    pub fn idle(&self) -> bool {
        self.started
            && !self.jobs.busy()
            && self.state.outcome.changed_at.is_none()
            && !self.state.pending_predict
    }

    fn start(&mut self, ctx: &egui::Context) {
        self.started = true;
        self.read_settings(ctx);
        self.load_models();
        let paths = std::mem::take(&mut self.options.paths);
        let demo = self.options.demo;
        let commands = self.jobs.sender();
        // The receiver lives in `self.jobs`: sending can't fail here.
        if !paths.is_empty() {
            let _ = commands.send(Command::OpenPaths(paths));
        }
        if demo {
            let _ = commands.send(Command::Do(Action::OpenDemo));
        }
    }

    /// Keys become actions, unless a text field has the keyboard.
    fn keys(&self, ctx: &egui::Context) -> Vec<Command> {
        if self.state.dialog != Dialog::None {
            return Vec::new();
        }
        self.state.keys.pressed(ctx).into_iter().map(Command::Do).collect()
    }

    fn dropped(ctx: &egui::Context) -> Option<Command> {
        let paths: Vec<PathBuf> =
            ctx.input(|i| i.raw.dropped_files.iter().map(|f| f.path().to_owned()).collect());
        (!paths.is_empty()).then_some(Command::Dropped(paths))
    }
}

impl eframe::App for Workstation {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        if !self.started {
            self.start(ctx);
        }
        if let Some(seconds) = frame.info().cpu_usage {
            let ms = seconds * 1000.0;
            if seconds > SLOW_FRAME_S {
                tracing::debug!("a frame took {ms:.1} ms of our time");
            }
            tracing::trace!("frame {ms:.2} ms");
        }
        self.jobs.sweep();
        for command in self.jobs.take_commands() {
            self.handle(ctx, command);
        }
        self.update_stale_result();
        self.play(ctx);
        if self.viewport.as_mut().is_some_and(|viewport| viewport.update(&self.state.viewer)) {
            ctx.request_repaint();
        }
        if self.state.outcome.changed_at.is_some() {
            ctx.request_repaint_after(Duration::from_millis(100));
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        let mut commands = self.keys(&ctx);
        commands.extend(Self::dropped(&ctx));
        panels::show(self, ui, &mut commands);
        for command in commands {
            self.handle(&ctx, command);
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

fn adapter_name(cc: &eframe::CreationContext<'_>) -> String {
    let Some(render) = &cc.wgpu_render_state else { return "no graphics adapter".to_owned() };
    let info = render.adapter.get_info();
    // What matters most stands first: the status bar may cut the rest.
    let software = if info.device_type == eframe::wgpu::DeviceType::Cpu { "software, " } else { "" };
    format!("{software}{} ({:?})", info.name, info.backend)
}

/// Why the window can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    #[error(
        "the window can't be opened: there is no display; use `thoracast demo --headless` or `thoracast predict` instead"
    )]
    NoDisplay,
    #[error(
        "the window can't be opened: {0}; install a Vulkan or OpenGL driver (Debian: mesa-vulkan-drivers), or use `thoracast predict`"
    )]
    Graphics(String),
}

/// Opens the window and runs it until it is closed.
///
/// # Errors
/// Where there is no display or no graphics adapter, software ones included.
pub fn run(options: Options) -> Result<(), WindowError> {
    let mut native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Thoracast – research use only")
            .with_app_id("thoracast")
            .with_icon(theme::icon())
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([1024.0, 680.0])
            .with_drag_and_drop(true),
        ..Default::default()
    };
    use_adapter_limits(&mut native);
    eframe::run_native(
        "thoracast",
        native,
        Box::new(|cc| {
            let workstation = Workstation::new(cc, options);
            letters::complete(&cc.egui_ctx);
            Ok(Box::new(workstation))
        }),
    )
    .map_err(|error| match error {
        eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => WindowError::NoDisplay,
        other => WindowError::Graphics(other.to_string()),
    })
}

/// The OpenGL fallback would otherwise be asked for WebGL limits, which a CT exceeds.
fn use_adapter_limits(native: &mut eframe::NativeOptions) {
    use eframe::egui_wgpu::WgpuSetup;
    if let WgpuSetup::CreateNew(setup) = &mut native.wgpu_options.wgpu_setup {
        setup.device_descriptor = Arc::new(|adapter| eframe::wgpu::DeviceDescriptor {
            label: Some("thoracast"),
            required_limits: adapter.limits(),
            ..Default::default()
        });
    }
}

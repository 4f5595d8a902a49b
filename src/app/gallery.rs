//! Pictures of the panels without a window: the real workstation, driven and drawn off screen.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::wgpu::WgpuTestRenderer;

use super::cohort::CohortCommand;
use super::command::{Action, Command};
use super::state::{CohortTab, Severity, Tab, Workspace};
use super::statistics::Tile;
use super::{Options, Workstation};
use thoracast_core::simulate;
use thoracast_files as files;
use thoracast_files::progress::Silent;

/// The window's size in the pictures, points.
const SIZE: [f32; 2] = [1440.0, 900.0];

/// The cohort of the pictures.
const SIMULATED: simulate::Settings = simulate::Settings { patients: 300, seed: 1, slices: false };

/// Longer than loading and predicting take on a slow machine; then something hangs.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryError {
    #[error(
        "the panels can't be drawn: {0}; install a Vulkan or OpenGL driver (Debian: mesa-vulkan-drivers)"
    )]
    NoAdapter(String),
    #[error("the panels can't be drawn: {0}")]
    Drawing(String),
    #[error("the demonstration did not finish: {0}")]
    Unfinished(String),
    #[error(transparent)]
    File(#[from] files::FileError),
}

/// Runs the workstation on `options` until it rests and writes a PNG of every panel into `folder`.
///
/// # Errors
/// Without any graphics adapter (software ones count), when the work fails, or a file can't be written.
pub fn draw(options: Options, folder: &Path) -> Result<Vec<PathBuf>, GalleryError> {
    let renderer = renderer()?;
    let mut harness = Harness::builder()
        .with_size(SIZE)
        .with_render_cursor(false)
        .renderer(renderer)
        .build_eframe(move |cc| Workstation::new(cc, options));
    rest(&mut harness)?;
    let mut written = Vec::new();
    for tab in Tab::ALL {
        send(&harness, Command::ShowTab(tab));
        rest(&mut harness)?;
        written.push(save(&mut harness, folder, &format!("patient-{}", stem(tab.name())))?);
    }
    send(&harness, Command::ShowTab(Tab::Nomogram));
    send(&harness, Command::Do(Action::ToggleTheme));
    rest(&mut harness)?;
    written.push(save(&mut harness, folder, "patient-light")?);
    send(&harness, Command::Do(Action::ToggleTheme));
    for workspace in [Workspace::Models, Workspace::Training] {
        send(&harness, Command::ShowWorkspace(workspace));
        rest(&mut harness)?;
        written.push(save(&mut harness, folder, &stem(workspace.name()))?);
    }
    cohort(&mut harness, folder, &mut written)?;
    Ok(written)
}

/// The cohort workspace on simulated patients, as every panel then says: audited, evaluated (the clinical branch: there are
/// no pictures), and every chart of the Statistics tab alone.
fn cohort(
    harness: &mut Harness<'_, Workstation>,
    folder: &Path,
    written: &mut Vec<PathBuf>,
) -> Result<(), GalleryError> {
    let place = tempfile::tempdir().map_err(|e| GalleryError::Unfinished(e.to_string()))?;
    let path = place.path().join("simulated cohort");
    simulate::write(&SIMULATED, &path, &Silent).map_err(|e| GalleryError::Unfinished(e.to_string()))?;
    send(harness, Command::Cohort(CohortCommand::OpenFolder(path)));
    rest(harness)?;
    send(harness, Command::Audit);
    rest(harness)?;
    send(harness, Command::Evaluate);
    rest(harness)?;
    for tab in CohortTab::ALL {
        send(harness, Command::ShowCohortTab(tab));
        rest(harness)?;
        written.push(save(harness, folder, &format!("cohort-{}", stem(tab.name())))?);
    }
    send(harness, Command::ShowCohortTab(CohortTab::Statistics));
    let question = harness.state().state.statistics.question.clone();
    for tile in Tile::all(question.as_ref().map_or(0, |q| q.endpoints.len())) {
        send(harness, Command::EnlargeTile(Some(tile)));
        rest(harness)?;
        let name = format!("statistics-{}", tile.file_stem(question.as_ref()));
        written.push(save(harness, folder, &name)?);
    }
    Ok(())
}

/// A panel's name in a file's name.
fn stem(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn renderer() -> Result<WgpuTestRenderer, GalleryError> {
    use eframe::egui_wgpu::{RenderState, RendererOptions, WgpuConfiguration};
    let setup = egui_kittest::wgpu::default_wgpu_setup();
    let instance = pollster::block_on(setup.new_instance());
    let configuration = WgpuConfiguration { wgpu_setup: setup, ..Default::default() };
    let state = RenderState::create(&configuration, &instance, None, RendererOptions::PREDICTABLE);
    let state = pollster::block_on(state).map_err(|e| GalleryError::NoAdapter(e.to_string()))?;
    Ok(WgpuTestRenderer::from_render_state(state))
}

fn send(harness: &Harness<'_, Workstation>, command: Command) {
    // The workstation holds the receiver as long as it lives.
    let _ = harness.state().jobs.sender().send(command);
}

/// Steps until nothing runs and the picture is complete.
fn rest(harness: &mut Harness<'_, Workstation>) -> Result<(), GalleryError> {
    let start = Instant::now();
    harness.run_steps(2);
    while !harness.state().idle() {
        if start.elapsed() > PATIENCE {
            return Err(GalleryError::Unfinished("it took longer than five minutes".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(20));
        harness.step();
    }
    // Commands sent by the last job, then the frame they change.
    harness.run_steps(3);
    while !harness.state().idle() {
        std::thread::sleep(Duration::from_millis(20));
        harness.step();
    }
    harness.run_steps(2);
    let failed = harness.state().state.messages.iter().find(|m| m.severity == Severity::Error);
    match failed {
        Some(message) => Err(GalleryError::Unfinished(message.text.clone())),
        None => Ok(()),
    }
}

fn save(harness: &mut Harness<'_, Workstation>, folder: &Path, name: &str) -> Result<PathBuf, GalleryError> {
    for message in &mut harness.state_mut().state.messages {
        message.toast = false;
    }
    harness.run_steps(2);
    let picture = harness.render().map_err(GalleryError::Drawing)?;
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(|e| GalleryError::Drawing(e.to_string()))?;
    let path = folder.join(format!("{name}.png"));
    files::write_atomic(&path, bytes.get_ref())?;
    Ok(path)
}

//! The panels: each draws the state and sends commands.

mod anonymize;
mod audit;
mod browser;
mod cam;
mod clinical;
mod cohort;
mod dialogs;
mod distribution;
mod evaluation;
mod import;
mod keys;
mod levels;
mod lower;
mod mapping;
mod matching;
mod measurements;
mod messages;
mod models;
mod person;
mod result;
mod statistics;
mod table_one;
mod tags;
mod top;
mod training;
mod views;

use std::sync::Arc;

use egui::{CentralPanel, Panel, Ui};

pub use statistics::Arrangement;

use super::Workstation;
use super::command::{Action, Command};
use super::gpu::Viewport;
use super::jobs::Jobs;
use super::pictures::Pictures;
use super::state::{CohortTab, Layout, State, Workspace};
use super::statistics::figures::Sources;
use thoracast_core::assess::Models;

/// What a panel may look at, and where its commands go.
pub struct Scene<'a> {
    pub state: &'a State,
    pub jobs: &'a Jobs,
    pub models: Option<&'a Arc<Models>>,
    pub pictures: &'a mut Pictures,
    pub arrangement: &'a mut Arrangement,
    pub viewport: Option<&'a Viewport>,
    pub adapter: &'a str,
    pub commands: &'a mut Vec<Command>,
}

impl<'a> Scene<'a> {
    /// What the Statistics tab is drawn from.
    pub fn sources(&self) -> Sources<'a> {
        Sources::of(self.state, self.models.map(Arc::as_ref))
    }

    pub fn send(&mut self, command: Command) {
        self.commands.push(command);
    }
}

/// An action as an entry of a menu, with its key; true if it was chosen.
fn entry(ui: &mut Ui, scene: &mut Scene<'_>, action: Action) -> bool {
    let info = action.info();
    let key = scene.state.keys.words(ui.ctx(), action);
    let clicked = ui.add(egui::Button::new(info.text).shortcut_text(key)).on_hover_text(info.help).clicked();
    if clicked {
        scene.send(Command::Do(action));
    }
    clicked
}

/// Draws the whole window.
pub fn show(workstation: &mut Workstation, ui: &mut Ui, commands: &mut Vec<Command>) {
    let models = match &workstation.models {
        super::ModelsState::Ready(models) => Some(models),
        _ => None,
    };
    let mut scene = Scene {
        state: &workstation.state,
        jobs: &workstation.jobs,
        models,
        pictures: &mut workstation.pictures,
        arrangement: &mut workstation.arrangement,
        viewport: workstation.viewport.as_ref(),
        adapter: &workstation.adapter,
        commands,
    };
    let scene = &mut scene;
    Panel::top("top").show(ui, |ui| top::show(ui, scene));
    Panel::bottom("status").show(ui, |ui| messages::status_bar(ui, scene));
    if scene.state.show_log {
        Panel::bottom("log").resizable(true).default_size(150.0).show(ui, |ui| messages::log(ui, scene));
    }
    match scene.state.workspace {
        Workspace::Patient => patient(ui, scene),
        Workspace::Cohort => cohort_workspace(ui, scene),
        Workspace::Training => training::show(ui, scene),
        Workspace::Models => drop(CentralPanel::default().show(ui, |ui| models::show(ui, scene))),
    }
    dialogs::show(ui.ctx(), scene);
    messages::toasts(ui.ctx(), scene);
}

fn cohort_workspace(ui: &mut Ui, scene: &mut Scene<'_>) {
    Panel::top("cohort tabs").show(ui, |ui| {
        ui.horizontal(|ui| {
            for tab in CohortTab::ALL {
                if ui.selectable_label(scene.state.cohort_tab == tab, tab.name()).clicked() {
                    scene.send(Command::ShowCohortTab(tab));
                }
            }
        });
    });
    CentralPanel::default().show(ui, |ui| match scene.state.cohort_tab {
        CohortTab::Table => cohort::show(ui, scene),
        CohortTab::Statistics => statistics::show(ui, scene),
        CohortTab::TableOne => table_one::show(ui, scene),
        CohortTab::Matching => matching::show(ui, scene),
        CohortTab::Evaluation => evaluation::show(ui, scene),
        CohortTab::Audit => audit::show(ui, scene),
    });
}

/// Below this width of the window (points) the series browser makes room for the views.
const BROWSER_NEEDS: f32 = 880.0;
/// Below this height of the window (points) the result scrolls with the other steps instead of standing below them.
const PINNED_RESULT_NEEDS: f32 = 600.0;

fn patient(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.state.show_browser && ui.available_width() >= BROWSER_NEEDS {
        Panel::left("browser")
            .resizable(true)
            .default_size(208.0)
            .size_range(150.0..=420.0)
            .show(ui, |ui| browser::show(ui, scene));
    }
    Panel::right("steps").resizable(true).default_size(352.0).size_range(320.0..=480.0).show(ui, |ui| {
        Panel::top("person").resizable(false).show(ui, |ui| person::show(ui, scene));
        let pinned = ui.available_height() >= PINNED_RESULT_NEEDS;
        if pinned {
            Panel::bottom("result").resizable(false).show(ui, |ui| result::show(ui, scene));
        }
        CentralPanel::no_frame().show(ui, |ui| {
            egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
                if !pinned {
                    result::show(ui, scene);
                }
                levels::show(ui, scene);
                ui.add_space(6.0);
                clinical::show(ui, scene);
            });
        });
    });
    let layout = scene.state.viewer.layout;
    if layout == Layout::Figures {
        drop(CentralPanel::default().show(ui, |ui| lower::show(ui, scene)));
        return;
    }
    if layout == Layout::All {
        let height = ui.available_height();
        Panel::bottom("lower")
            .resizable(true)
            .default_size((height * 0.42).clamp(140.0, 520.0))
            .size_range(100.0..=(height - 160.0).max(100.0))
            .show(ui, |ui| lower::show(ui, scene));
    }
    CentralPanel::no_frame().show(ui, |ui| {
        if scene.state.viewer.open.is_none() {
            return empty(ui, scene);
        }
        views::show(ui, scene);
    });
}

/// What to do when nothing is open.
fn empty(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = super::theme::tokens(ui);
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.28).max(20.0));
        ui.heading("No study open");
        ui.colored_label(t.muted, "Drop a folder, files, a ZIP or a DICOMDIR here, or");
        ui.add_space(8.0);
        for action in [Action::OpenFolder, Action::OpenPath, Action::OpenDemo] {
            let info = action.info();
            if ui.add_sized([230.0, 28.0], egui::Button::new(info.text)).on_hover_text(info.help).clicked() {
                scene.send(Command::Do(action));
            }
        }
        if !scene.state.recents.is_empty() {
            ui.add_space(12.0);
            ui.colored_label(t.muted, "Recently opened");
            for path in scene.state.recents.clone() {
                if ui.link(path.display().to_string()).clicked() {
                    scene.send(Command::OpenPaths(vec![path]));
                }
            }
        }
    });
}

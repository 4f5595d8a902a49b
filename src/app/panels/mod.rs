//! The panels: each draws the state and sends commands.

mod axial;
mod browser;
mod clinical;
mod cohort;
mod dialogs;
mod levels;
mod lower;
mod messages;
mod models;
mod result;
mod sagittal;
mod top;

use std::sync::Arc;

use egui::{CentralPanel, Panel, Ui};

use super::Workstation;
use super::command::Command;
use super::jobs::Jobs;
use super::pictures::Pictures;
use super::state::{Layout, State, Workspace};
use crate::assess::Models;

/// What a panel may look at, and where its commands go.
pub struct Scene<'a> {
    pub state: &'a State,
    pub jobs: &'a Jobs,
    pub models: Option<&'a Arc<Models>>,
    pub pictures: &'a mut Pictures,
    pub adapter: &'a str,
    pub commands: &'a mut Vec<Command>,
}

impl Scene<'_> {
    pub fn send(&mut self, command: Command) {
        self.commands.push(command);
    }
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
        Workspace::Cohort => drop(CentralPanel::default().show(ui, |ui| cohort::show(ui, scene))),
        Workspace::Models => drop(CentralPanel::default().show(ui, |ui| models::show(ui, scene))),
    }
    dialogs::show(ui.ctx(), scene);
    messages::toasts(ui.ctx(), scene);
}

fn patient(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.state.show_browser {
        Panel::left("browser")
            .resizable(true)
            .default_size(208.0)
            .size_range(150.0..=420.0)
            .show(ui, |ui| browser::show(ui, scene));
    }
    Panel::right("steps").resizable(true).default_size(352.0).size_range(320.0..=480.0).show(ui, |ui| {
        Panel::bottom("result")
            .resizable(false)
            .show_separator_line(true)
            .show(ui, |ui| result::show(ui, scene));
        CentralPanel::no_frame().show(ui, |ui| {
            egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
                levels::show(ui, scene);
                ui.add_space(6.0);
                clinical::show(ui, scene);
            });
        });
    });
    if scene.state.viewer.layout == Layout::Figures {
        drop(CentralPanel::default().show(ui, |ui| lower::show(ui, scene)));
        return;
    }
    if scene.state.viewer.layout == Layout::All {
        let height = ui.available_height();
        Panel::bottom("lower")
            .resizable(true)
            .default_size((height * 0.46).clamp(220.0, 520.0))
            .size_range(140.0..=(height - 180.0).max(160.0))
            .show(ui, |ui| lower::show(ui, scene));
    }
    CentralPanel::no_frame().show(ui, |ui| {
        if scene.state.viewer.open.is_none() {
            return empty(ui, scene);
        }
        if scene.state.viewer.layout == Layout::All {
            Panel::right("sagittal-panel")
                .resizable(true)
                .default_size((ui.available_width() * 0.4).clamp(150.0, 420.0))
                .size_range(120.0..=600.0)
                .frame(egui::Frame::new().fill(egui::Color32::BLACK))
                .show(ui, |ui| sagittal::show(ui, scene));
        }
        CentralPanel::no_frame().show(ui, |ui| axial::show(ui, scene));
    });
}

/// What to do when nothing is open.
fn empty(ui: &mut Ui, scene: &mut Scene<'_>) {
    use super::command::Action;
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
    });
}

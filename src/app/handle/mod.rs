//! The command handler: the only place that changes state.

mod anonymize;
mod audit;
mod cohort;
mod evaluation;
mod explain;
mod files;
mod fusion;
mod mapping;
mod marks;
mod patient;
mod person;
mod remember;
mod statistics;
mod training;
mod view;
mod weights;

pub use files::thumbnail_key;
pub use marks::statistics;

use super::Workstation;
use super::cohort::{Ask, CohortCommand};
use super::command::{Action, Command, Finished};
use super::state::{CohortTab, Dialog, Layout, Level, Tab, Workspace};
use super::viewer::View;

impl Workstation {
    /// Carries out one command.
    pub(super) fn handle(&mut self, ctx: &egui::Context, command: Command) {
        match command {
            Command::Do(action) => self.act(ctx, action),
            Command::OpenPaths(paths) => self.open_paths(paths),
            Command::Dropped(paths) => self.dropped_paths(paths),
            Command::AskImport(level) => self.ask_import(level, None),
            Command::FillImport(form) => self.fill_import(form),
            Command::BrowseWeights => self.browse_weights(),
            Command::ExamineWeights => self.examine_weights(),
            Command::InstallWeights => self.install_weights(),
            Command::BrowseConverted => self.browse_converted(),
            Command::ConvertWeightsTo(path) => self.convert_weights(path),
            Command::AskForget(level) => self.state.dialog = Dialog::ForgetImport(level),
            Command::ForgetImport(level) => self.forget_import(level),
            Command::ChooseSeries(index) => self.open_series(index),
            Command::ShowSlice(slice) => self.show_slice(slice),
            Command::SetWindow { centre, width } => self.set_window(centre, width),
            Command::Zoom { view, factor, about } => self.zoom(view, factor, about),
            Command::SetZoom(view, zoom) => self.set_zoom(view, zoom),
            Command::Pan(view, shift) => self.state.viewer.view_mut(view).pan += shift,
            Command::Activate(view) => self.state.viewer.active = view,
            Command::ShowSection(section) => self.show_section(section),
            Command::Cross(voxel) => self.cross(voxel),
            Command::SetSlab(mm) => self.state.viewer.slab.thickness_mm = mm.clamp(0.0, 200.0),
            Command::SetCineRate(rate) => self.cine_rate(rate),
            Command::Sketch(sketch) => self.state.viewer.sketch = sketch,
            Command::AddMark(mark) => self.add_mark(mark),
            Command::ReplaceMark(number, mark) => self.replace_mark(number, mark),
            Command::SelectMark(number) => self.state.viewer.selected = number,
            Command::DeleteMark(number) => self.delete_mark(number),
            Command::WaitForKey(waiting) => self.state.dialog = Dialog::Keys { waiting },
            Command::SetKey(action, key) => self.set_key(action, key),
            Command::ResetKeys => self.reset_keys(),
            Command::FillTraining(form) => self.state.training.form = *form,
            Command::PickForTraining(purpose) => self.pick_for_training(purpose),
            Command::PickCohort => self.pick_cohort(),
            Command::NameCohort(folder) => self.state.audit.folder = folder,
            Command::Audit => self.audit(),
            Command::Train => self.train(),
            Command::PauseTraining(pause) => self.pause_training(pause),
            Command::FillAnonymize(form) => self.state.dialog = Dialog::Anonymize(form),
            Command::Anonymize(form) => self.anonymize(form),
            Command::ExportMarksTo(path) => self.export_marks(path),
            Command::Mark(level, slice) => self.mark(level, Some(slice)),
            Command::Unmark(level) => self.mark(level, None),
            Command::SetField { key, text } => {
                self.change(key, |inputs| drop(inputs.fields.insert(key, text)))
            }
            Command::SetPatientId(id) => self.change("id", |inputs| inputs.id = id),
            Command::FuseBy(rule) => self.change("fusion", |inputs| inputs.fusion = rule),
            Command::BrowseStacking => self.browse_stacking(),
            Command::OpenStacking(path) => self.open_stacking(&path),
            Command::BrowseStackingOut => self.browse_stacking_out(),
            Command::WriteStacking(path) => self.write_stacking(path),
            Command::ClearForm => {
                let id = self.state.person.identity.id.clone();
                self.change("clear", |inputs| {
                    inputs.fields.clear();
                    inputs.row = None;
                    inputs.id = id;
                });
            }
            Command::PickRow(id) => self.pick_row(&id),
            Command::OpenRow(id) => self.open_row(&id),
            Command::AnswerIdentity { same } => self.answer_identity(same),
            Command::FilterRows(text) => self.filter_rows(text),
            Command::Cohort(command) => self.cohort(command),
            Command::ShowTab(tab) => self.show_tab(tab),
            Command::ShowWorkspace(workspace) => self.state.workspace = workspace,
            Command::ShowCohortTab(tab) => {
                self.state.workspace = Workspace::Cohort;
                self.state.cohort_tab = tab;
                if tab == CohortTab::Statistics {
                    self.open_statistics();
                }
            }
            Command::Evaluate => self.evaluate(),
            Command::CrossValidate(wanted) => self.state.cross_validate = wanted,
            Command::StatisticsFrom(origin) => self.statistics_from(origin),
            Command::Ask(question) => self.ask(*question),
            Command::MovePatient { name, value } => self.move_patient(&name, value),
            Command::LoadOpenPatient => self.load_open_patient(),
            Command::CutAt(cut) => self.cut_at(cut),
            Command::BrowseSheet(kind) => self.browse_sheet(kind),
            Command::WriteSheet(kind, path) => self.write_sheet(kind, path),
            Command::PrintNomogram => self.print_nomogram(),
            Command::LookAtFigures(look) => self.look_at_figures(look),
            Command::EnlargeTile(tile) => self.state.statistics.alone = tile,
            Command::BrowseExport(tile) => self.browse_export(tile),
            Command::ExportFigure(tile, path) => self.export_figure(tile, &path),
            Command::SetCam { look, keep } => self.set_cam(look, keep),
            Command::SaveReportTo(path) => self.save_report(path),
            Command::CancelJob(id) => self.jobs.cancel(id),
            Command::DismissToast(index) => {
                if let Some(message) = self.state.messages.get_mut(index) {
                    message.toast = false;
                }
            }
            Command::TypePath(text) => {
                let path = text.trim().trim_matches('"').to_owned();
                self.state.dialog = Dialog::None;
                if !path.is_empty() {
                    self.open_paths(vec![path.into()]);
                }
            }
            Command::CloseDialogs => self.close_dialogs(),
            Command::Finished(finished) => self.finished(ctx, finished),
        }
    }

    fn act(&mut self, ctx: &egui::Context, action: Action) {
        if let Some(preset) = action.preset() {
            return self.preset(preset);
        }
        if let Some(tool) = action.tool() {
            return self.take_tool(tool);
        }
        match action {
            Action::OpenFolder
            | Action::OpenFiles
            | Action::OpenClinical
            | Action::SaveReport
            | Action::ExportMarks => {
                self.ask_for_path(action);
            }
            Action::OpenCohort => self.cohort(CohortCommand::Ask(Ask::Folder)),
            Action::MapColumns => self.map_columns(),
            Action::AuditCohort => self.pick_cohort(),
            Action::OpenPath => self.state.dialog = Dialog::Path { text: String::new() },
            Action::ImportWeights => self.ask_import(None, None),
            Action::OpenDemo => self.open_demo(),
            Action::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            Action::SliceUp => self.step_slice(1),
            Action::SliceDown => self.step_slice(-1),
            Action::SliceUpTen => self.step_slice(10),
            Action::SliceDownTen => self.step_slice(-10),
            Action::SliceFirst => self.step_slice(isize::MAX),
            Action::SliceLast => self.step_slice(isize::MIN),
            Action::SeriesPrevious => self.step_series(-1),
            Action::SeriesNext => self.step_series(1),
            Action::Invert => self.state.viewer.invert ^= true,
            Action::Fit => self.fit(),
            Action::ResetView => self.reset_view(),
            Action::MaximiseView => self.lay_out(Layout::View(self.state.viewer.active)),
            Action::CloseSeries => self.close_series(),
            Action::DeleteMark => self.delete_selected(),
            Action::DeleteMarks => self.change("marks", |inputs| inputs.marks.clear()),
            Action::KeyImage => self.toggle_key_image(),
            Action::NextKeyImage => self.next_key_image(),
            Action::Cine => self.toggle_cine(),
            Action::CineFaster => self.cine_rate(self.state.viewer.cine.rate + 5.0),
            Action::CineSlower => self.cine_rate(self.state.viewer.cine.rate - 5.0),
            Action::ActualPixels => self.state.viewer.one_to_one = true,
            Action::RotateRight => self.turn(|view| view.rotated(true)),
            Action::RotateLeft => self.turn(|view| view.rotated(false)),
            Action::FlipHorizontal => self.turn(View::flipped),
            Action::FlipVertical => self.turn(View::upside_down),
            Action::SlabThicker => self.state.viewer.slab = self.state.viewer.slab.stepped(true),
            Action::SlabThinner => self.state.viewer.slab = self.state.viewer.slab.stepped(false),
            Action::SlabProjection => self.other_projection(),
            Action::Smooth => {
                self.state.viewer.smooth ^= true;
                self.remember();
            }
            Action::ToggleOverlay => self.state.viewer.show_overlay ^= true,
            Action::ToggleCrosshair => self.state.viewer.show_crosshair ^= true,
            Action::Tags => self.list_tags(),
            Action::Anonymize => self.ask_to_anonymize(),
            Action::Keys => self.state.dialog = Dialog::Keys { waiting: None },
            Action::ForgetRecents => self.forget_recents(),
            Action::TabMarks => self.show_tab(Tab::Marks),
            Action::MaximiseFigures => self.lay_out(Layout::Figures),
            Action::MarkT4 => self.mark_here(Level::T4),
            Action::MarkT11 => self.mark_here(Level::T11),
            Action::GoToT4 => self.go_to(Level::T4),
            Action::GoToT11 => self.go_to(Level::T11),
            Action::Predict => self.predict(),
            Action::WorkspacePatient => self.state.workspace = Workspace::Patient,
            Action::WorkspaceCohort => self.state.workspace = Workspace::Cohort,
            Action::WorkspaceModels => self.state.workspace = Workspace::Models,
            Action::WorkspaceTraining => self.state.workspace = Workspace::Training,
            Action::TabPictures => self.show_tab(Tab::Pictures),
            Action::TabNomogram => self.show_tab(Tab::Nomogram),
            Action::TabReasons => self.show_tab(Tab::Reasons),
            Action::TabReport => self.show_tab(Tab::Report),
            Action::ToggleBrowser => self.state.show_browser ^= true,
            Action::ToggleLog => self.state.show_log ^= true,
            Action::ToggleTheme => {
                self.state.dark ^= true;
                let theme = if self.state.dark { egui::Theme::Dark } else { egui::Theme::Light };
                ctx.set_theme(theme);
                self.remember();
            }
            Action::ScaleUp => self.scale(ctx, self.state.scale_percent + 10),
            Action::ScaleDown => self.scale(ctx, self.state.scale_percent.saturating_sub(10)),
            Action::ScaleReset => self.scale(ctx, 100),
            Action::Fullscreen => {
                let full = ctx.input(|i| i.viewport().fullscreen.unwrap_or(false));
                ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(!full));
            }
            Action::Palette => self.state.dialog = Dialog::Palette { text: String::new() },
            Action::Shortcuts => self.state.dialog = Dialog::Shortcuts,
            Action::About => self.state.dialog = Dialog::About,
            // Presets and tools are done above.
            _ => {}
        }
    }

    fn finished(&mut self, ctx: &egui::Context, finished: Finished) {
        match finished {
            Finished::Picked { purpose, paths } => self.picked(purpose, paths),
            Finished::Scanned { paths, result } => self.scanned(&paths, result),
            Finished::Plane { opening, number, plane } => self.plane_ready(opening, number, plane),
            Finished::Loaded { opening, result } => self.series_loaded(opening, result),
            Finished::PicturesLoaded { opening, result } => self.pictures_loaded(opening, result),
            Finished::Anonymized(result) => self.anonymized(result),
            Finished::Thumbnail { key, preview } => self.thumbnail_ready(ctx, key, preview),
            Finished::Table { path, result } => self.table_read(path, result),
            Finished::Models(result) => self.models_loaded(result),
            Finished::WeightsInfo(info) => self.state.weights.info = info,
            Finished::Examined(result) => self.examined(result),
            Finished::Installed(level, result) => self.installed(level, result),
            Finished::Forgotten(level, result) => self.import_forgotten(level, result),
            Finished::Converted(result) => self.converted(result),
            Finished::Assessed { inputs, record, result } => self.assessed(inputs, record, *result),
            Finished::Explained { inputs, look, result } => self.explained(inputs, look, result),
            Finished::Epoch { point, kept } => self.epoch_over(point, kept),
            Finished::Trained(result) => self.trained(result),
            Finished::Cohort(finished) => self.cohort_finished(finished),
            Finished::Audited(result) => self.audited(result),
            Finished::Statistics(computed) => self.answered(computed),
            Finished::Evaluated(result) => self.evaluated(*result),
            Finished::Demo(result) => self.demo_ready(result),
            Finished::Saved(result) => self.report_saved(result),
        }
    }

    fn lay_out(&mut self, part: Layout) {
        self.state.viewer.layout = self.state.viewer.layout.toggled(part);
    }

    fn scale(&mut self, ctx: &egui::Context, percent: u32) {
        self.state.scale_percent = percent.clamp(100, 200);
        ctx.set_zoom_factor(self.state.scale_percent as f32 / 100.0);
        self.remember();
    }
}

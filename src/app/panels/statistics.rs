//! The Statistics tab: the question at the left, the charts as tiles that can be arranged, enlarged and exported.

use egui::{ComboBox, DragValue, Panel, RichText, Slider, Ui, vec2};
use egui_tiles::{Behavior, Linear, LinearDir, TileId, Tiles, Tree, UiResponse};

use super::super::command::Command;
use super::super::jobs::JobId;
use super::super::statistics::figures::Figure;
use super::super::statistics::{Look, Origin, Tile};
use super::super::theme;
use super::Scene;
use super::lower::chart_in;
use thoracast_core::analysis::Question;
use thoracast_core::figures::{self, BenefitAs};
use thoracast_core::stats::design::CovariateKind;
use thoracast_core::stats::nomogram::Value;

/// How the tiles lie; a person drags them about.
pub struct Arrangement {
    tree: Tree<Tile>,
    tiles: usize,
}

impl Default for Arrangement {
    fn default() -> Self {
        Self { tree: Tree::empty(egui::Id::unique("statistics tiles")), tiles: 0 }
    }
}

impl Arrangement {
    /// Two columns of tabs; new ones when another number of endpoints needs other tiles.
    fn fit(&mut self, tiles: &[Tile]) {
        if self.tiles == tiles.len() {
            return;
        }
        self.tiles = tiles.len();
        let mut all = Tiles::default();
        let tab = |all: &mut Tiles<Tile>, wanted: &dyn Fn(&Tile) -> bool| {
            let panes: Vec<TileId> =
                tiles.iter().filter(|t| wanted(t)).map(|t| all.insert_pane(*t)).collect();
            all.insert_tab_tile(panes)
        };
        let nomogram = tab(&mut all, &|t| matches!(t, Tile::Nomogram));
        let accuracy = tab(&mut all, &|t| {
            matches!(t, Tile::Roc | Tile::Calibration | Tile::Decision | Tile::Importance | Tile::Training(_))
        });
        let left = if tiles.iter().any(|t| matches!(t, Tile::Survival(_))) {
            let survival = tab(&mut all, &|t| matches!(t, Tile::Survival(_) | Tile::Hazards(_)));
            let pair = Linear::new_binary(LinearDir::Vertical, [nomogram, survival], 0.5);
            all.insert_container(pair)
        } else {
            nomogram
        };
        let root = all.insert_horizontal_tile(vec![left, accuracy]);
        self.tree = Tree::new(egui::Id::unique("statistics tiles"), root, all);
    }
}

pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    Panel::left("question").resizable(true).default_size(270.0).size_range(220.0..=420.0).show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| question(ui, scene));
    });
    egui::CentralPanel::no_frame().show(ui, |ui| charts(ui, scene));
}

fn charts(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    if let Some(sentence) = &scene.state.statistics.failure {
        ui.add_space(12.0);
        ui.colored_label(t.error, sentence);
        return;
    }
    let Some(question) = &scene.state.statistics.question else {
        ui.vertical_centered(|ui| {
            ui.add_space(40.0);
            ui.spinner();
        });
        return;
    };
    if let Some(tile) = scene.state.statistics.alone {
        return pane(ui, scene, tile);
    }
    let tiles = Tile::all(question.endpoints.len());
    let mut arrangement = std::mem::take(scene.arrangement);
    arrangement.fit(&tiles);
    arrangement.tree.ui(&mut Panes { scene }, ui);
    *scene.arrangement = arrangement;
}

struct Panes<'a, 'b> {
    scene: &'a mut Scene<'b>,
}

impl Behavior<Tile> for Panes<'_, '_> {
    fn pane_ui(&mut self, ui: &mut Ui, _: TileId, tile: &mut Tile) -> UiResponse {
        pane(ui, self.scene, *tile);
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, tile: &Tile) -> egui::WidgetText {
        tile.name(self.scene.state.statistics.question.as_ref()).into()
    }

    fn simplification_options(&self) -> egui_tiles::SimplificationOptions {
        egui_tiles::SimplificationOptions { all_panes_must_have_tabs: true, ..Default::default() }
    }
}

/// One chart with its toolbar and caption.
fn pane(ui: &mut Ui, scene: &mut Scene<'_>, tile: Tile) {
    egui::Frame::new().inner_margin(6.0).show(ui, |ui| {
        toolbar(ui, scene, tile);
        let (s, sources) = (&scene.state.statistics, scene.sources());
        let (wide, high) = (ui.available_width(), ui.available_height() - 40.0);
        // A square chart is as wide as its height allows, so that its texts need not shrink.
        let square = matches!(tile, Tile::Roc | Tile::Calibration);
        let width = if square { wide.min(0.85 * high) } else { wide }.clamp(300.0, 900.0);
        match sources.chart(tile, width) {
            Some(chart) => {
                let sliders = tile == Tile::Nomogram && s.alone == Some(tile);
                let controls = if sliders { 30.0 * s.patient.len() as f32 + 8.0 } else { 0.0 };
                let space = vec2(ui.available_width(), (ui.available_height() - 40.0 - controls).max(80.0));
                let scrolls = matches!(tile, Tile::Hazards(_)) && chart.height > space.y;
                if scrolls {
                    // A long table is read by scrolling, not by shrinking.
                    egui::ScrollArea::vertical().id_salt(tile).max_height(space.y).show(ui, |ui| {
                        let scale = (space.x - 14.0) / chart.width;
                        ui.allocate_ui(vec2(space.x - 14.0, chart.height * scale), |ui| chart_in(ui, &chart));
                    });
                } else {
                    let response = ui.allocate_ui(space, |ui| chart_in(ui, &chart)).response;
                    let place = placed(&chart, response.rect);
                    hover(ui, scene, tile, &chart, width, place);
                    if tile == Tile::Nomogram {
                        drag_marker(ui, scene, &chart, width, place);
                    }
                }
                ui.add(egui::Label::new(RichText::new(sources.caption(tile)).small()).wrap());
            }
            None => nothing(ui, scene, tile),
        }
        // Among other charts the room is the nomogram's own: its markers are dragged there.
        if tile == Tile::Nomogram && scene.state.statistics.alone == Some(tile) {
            values(ui, scene);
        }
    });
}

fn nothing(ui: &mut Ui, scene: &Scene<'_>, tile: Tile) {
    let t = theme::tokens(ui);
    let Figure::Nothing(sentence) = scene.sources().figure(tile) else { return };
    ui.add_space(12.0);
    if scene.jobs.is_running(JobId::Statistics) {
        ui.spinner();
    }
    ui.add(egui::Label::new(RichText::new(sentence).color(t.warning)).wrap());
}

/// Where `chart_in` painted the chart.
fn placed(chart: &thoracast_core::chart::Chart, space: egui::Rect) -> egui::Rect {
    let scale = (space.width() / chart.width).min(space.height() / chart.height).clamp(0.1, 1.6);
    let size = vec2(chart.width, chart.height) * scale;
    egui::Rect::from_center_size(egui::pos2(space.center().x, space.top() + size.y / 2.0), size)
}

/// How near to an axis, in points of the chart, a marker is taken hold of.
const REACH: f32 = 14.0;

/// A marker follows the pointer along the axis on which it was taken hold of.
fn drag_marker(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    chart: &thoracast_core::chart::Chart,
    width: f32,
    place: egui::Rect,
) {
    let sources = scene.sources();
    if sources.statistics.look.points_table {
        return;
    }
    let patient = sources.patient();
    let Some(content) = sources.nomogram_content(patient.as_ref()) else { return };
    let handles = thoracast_core::chart::nomogram::handles(&content, width);
    let held_id = egui::Id::unique("nomogram marker");
    let response = ui.interact(place, held_id, egui::Sense::click_and_drag());
    let Some(pointer) = response.interact_pointer_pos().or(response.hover_pos()) else { return };
    let [x, y] = thoracast_core::chart::egui::from_screen(place, chart, pointer);
    let near = handles.iter().min_by(|a, b| (a.y - y).abs().total_cmp(&(b.y - y).abs()));
    let near = near.filter(|h| (h.y - y).abs() < REACH).map(|h| h.name.clone());
    if response.drag_started() || response.clicked() {
        ui.data_mut(|d| d.insert_temp(held_id, near.clone()));
    }
    if near.is_some() {
        ui.set_cursor_icon(egui::CursorIcon::ResizeHorizontal);
    }
    if !(response.dragged() || response.clicked()) {
        return;
    }
    let held: Option<String> = ui.data(|d| d.get_temp(held_id)).flatten();
    let held = handles.iter().find(|h| Some(&h.name) == held.as_ref());
    if let Some((name, value)) = held.and_then(|h| Some((h.name.clone(), h.value_at(x)?))) {
        scene.send(Command::MovePatient { name, value: figures::nomogram::model_value(value) });
    }
}

/// The curves' values under the pointer.
fn hover(
    ui: &Ui,
    scene: &Scene<'_>,
    tile: Tile,
    chart: &thoracast_core::chart::Chart,
    width: f32,
    place: egui::Rect,
) {
    let Some(pointer) = ui.ctx().pointer_hover_pos().filter(|p| place.contains(*p) && ui.is_enabled()) else {
        return;
    };
    let figure = scene.sources().figure(tile);
    let plot = match &figure {
        Figure::Lines(lines) => lines.plot(width),
        Figure::Survival(survival) => survival.plot(width),
        _ => return,
    };
    let [x, y] = thoracast_core::chart::egui::from_screen(place, chart, pointer);
    let area = plot.area;
    if x < area.x || x > area.right() || y < area.y || y > area.bottom() {
        return;
    }
    let value = plot.x.value(x);
    let words = match &figure {
        Figure::Lines(lines) => {
            let here = format!("{} {}", lines.x_title, thoracast_core::chart::text::fixed(value, 2));
            std::iter::once(here).chain(lines.readout(value)).collect()
        }
        Figure::Survival(survival) => survival.readout(value),
        _ => vec![],
    };
    let [top, foot] =
        [area.y, area.bottom()].map(|y| thoracast_core::chart::egui::to_screen(place, chart, [x, y]));
    let colour = theme::tokens(ui).muted;
    ui.painter().line_segment([top, foot], egui::Stroke::new(1.0, colour));
    egui::Tooltip::always_open(
        ui.ctx().clone(),
        ui.layer_id(),
        egui::Id::unique(("readout", tile)),
        egui::PopupAnchor::Pointer,
    )
    .gap(14.0)
    .show(|ui| words.iter().for_each(|w| drop(ui.label(w))));
}

fn toolbar(ui: &mut Ui, scene: &mut Scene<'_>, tile: Tile) {
    let s = &scene.state.statistics;
    let (alone, mut look, cut) = (s.alone == Some(tile), s.look, s.cut_now());
    let range =
        s.model().map(|m| m.totals.iter().fold([f64::MAX, f64::MIN], |[l, h], t| [l.min(*t), h.max(*t)]));
    ui.horizontal_wrapped(|ui| {
        let words = if alone { "All charts" } else { "Enlarge" };
        if ui.button(words).clicked() {
            scene.send(Command::EnlargeTile(if alone { None } else { Some(tile) }));
        }
        if ui.button("Export…").on_hover_text("SVG, PNG (300 dpi), PDF, or the numbers as CSV").clicked() {
            scene.send(Command::BrowseExport(tile));
        }
        match tile {
            Tile::Decision => decision_choices(ui, &mut look),
            Tile::Roc => {
                ui.checkbox(&mut look.predictors, "Predictors");
                if scene.sources().evaluation.is_some() {
                    ui.checkbox(&mut look.branches, "Branches")
                        .on_hover_text("T4, T11, clinical and fusion of the cohort's last evaluation");
                }
            }
            Tile::Survival(_) => {
                if let (Some(mut at), Some([low, high])) = (cut, range) {
                    ui.label("Cut");
                    let slider = Slider::new(&mut at, low..=high).suffix(" points").max_decimals(1);
                    if ui.add(slider).changed() {
                        scene.send(Command::CutAt(Some(at)));
                    }
                    if ui
                        .button("Youden")
                        .on_hover_text("The cut with the largest Youden index on these patients")
                        .clicked()
                    {
                        scene.send(Command::CutAt(None));
                    }
                }
            }
            Tile::Hazards(endpoint) => send_chosen(ui, scene, endpoint),
            Tile::Nomogram => {
                if ui
                    .button("Open patient")
                    .on_hover_text("Put the open patient's values on the axes")
                    .clicked()
                {
                    scene.send(Command::LoadOpenPatient);
                }
                if ui.button("Print…").on_hover_text("Nomogram and points table as a page").clicked() {
                    scene.send(Command::PrintNomogram);
                }
                ui.checkbox(&mut look.points_table, "Points table");
                ui.checkbox(&mut look.cohort, "Patients on the axes");
            }
            Tile::Importance => variable_choice(ui, scene, &mut look),
            Tile::Calibration | Tile::Training(_) => {}
        }
    });
    if look != scene.state.statistics.look {
        scene.send(Command::LookAtFigures(look));
    }
}

/// All variables, or one against its values.
fn variable_choice(ui: &mut Ui, scene: &Scene<'_>, look: &mut Look) {
    let Some(explained) = scene.sources().explained else { return };
    let shown = look.variable.and_then(|v| explained.importance.get(v));
    let words = shown.map_or("All variables", |i| i.label.as_str());
    ComboBox::from_id_salt("explained variable").selected_text(words).width(170.0).show_ui(ui, |ui| {
        ui.selectable_value(&mut look.variable, None, "All variables");
        for (at, importance) in explained.importance.iter().enumerate() {
            ui.selectable_value(&mut look.variable, Some(at), &importance.label);
        }
    });
}

fn decision_choices(ui: &mut Ui, look: &mut Look) {
    for (benefit, words) in [
        (BenefitAs::Net, "Net benefit"),
        (BenefitAs::Standardised, "Standardised"),
        (BenefitAs::Avoided, "Interventions avoided"),
    ] {
        ui.selectable_value(&mut look.benefit, benefit, words);
    }
    ui.checkbox(&mut look.band, "Band").on_hover_text("The middle 95 % over resamples of the patients");
    let mut given = look.prevalence_percent.is_some();
    ui.checkbox(&mut given, "Prevalence")
        .on_hover_text("For case-control data, whose share of events is not the population's");
    let mut percent = look.prevalence_percent.unwrap_or(30.0);
    if given {
        ui.add(DragValue::new(&mut percent).range(0.1..=99.9).suffix(" %").speed(0.2));
    }
    look.prevalence_percent = given.then_some(percent);
}

/// The candidates that matter, with the fused probability, become the nomogram's predictors.
fn send_chosen(ui: &mut Ui, scene: &mut Scene<'_>, endpoint: usize) {
    let s = &scene.state.statistics;
    let (Some(question), Some(computed), Some(data)) = (&s.question, &s.computed, &s.data) else { return };
    let chosen = match computed.hazards.get(endpoint) {
        Some(Ok(hazards)) if !hazards.chosen.is_empty() => hazards.chosen.clone(),
        _ => return,
    };
    let mut asked = question.clone();
    ui.label("p <");
    let field = DragValue::new(&mut asked.significant).range(0.0001..=1.0).speed(0.001).max_decimals(4);
    let changed = ui.add(field).changed();
    let words = "Send the chosen ones with the fused probability to the nomogram";
    if ui.button("To nomogram").on_hover_text(words).clicked() {
        asked.predictors = chosen;
        asked.predictors.extend(data.table.column("fused_log_prob").map(|c| data.table.header[c].clone()));
        scene.send(Command::Ask(Box::new(asked)));
    } else if changed {
        scene.send(Command::Ask(Box::new(asked)));
    }
}

/// A slider or the levels for each predictor; the chart follows.
fn values(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(model) = scene.state.statistics.model() else { return };
    let mut moved = None;
    for ((name, value), covariate) in scene.state.statistics.patient.iter().zip(&model.design.covariates) {
        ui.horizontal(|ui| {
            let (label, unit) = figures::nomogram::axis_label(name);
            let label = ui.add_sized([170.0, 20.0], egui::Label::new(label).truncate());
            match (value, &covariate.kind) {
                (Value::Number(v), CovariateKind::Number { low, high, .. }) => {
                    let mut v = *v;
                    let range = low.min(v)..=high.max(v);
                    let slider = Slider::new(&mut v, range)
                        .clamping(egui::SliderClamping::Never)
                        .suffix(format!(" {unit}"));
                    if ui.add(slider).labelled_by(label.id).changed() {
                        moved = Some((name.clone(), Value::Number(v)));
                    }
                }
                (Value::Level(level), CovariateKind::Levels(levels)) => {
                    for other in levels {
                        if ui.selectable_label(level == other, other).clicked() {
                            moved = Some((name.clone(), Value::Level(other.clone())));
                        }
                    }
                }
                _ => {}
            }
        });
    }
    if let Some((name, value)) = moved {
        scene.send(Command::MovePatient { name, value });
    }
}

fn question(ui: &mut Ui, scene: &mut Scene<'_>) {
    let t = theme::tokens(ui);
    ui.heading("Data");
    let origin = scene.state.statistics.origin;
    for (choice, words) in [
        (Origin::Simulated, "Simulated patients"),
        (Origin::Table, "The open table"),
        (Origin::Cohort, "The cohort's test patients"),
    ] {
        if ui.radio(origin == choice, words).clicked() {
            scene.send(Command::StatisticsFrom(choice));
        }
    }
    let s = &scene.state.statistics;
    let (Some(data), Some(asked)) = (s.data.clone(), s.question.clone()) else { return };
    ui.add(egui::Label::new(RichText::new(data.source()).small().color(t.muted)).wrap());
    if data.simulated {
        let words = "Drawn from known coefficients; no patient lies behind these figures.";
        ui.add(egui::Label::new(RichText::new(words).small().color(t.warning)).wrap());
    }
    let mut new = asked.clone();
    ui.separator();
    ui.heading("Nomogram");
    ComboBox::from_label("Outcome").selected_text(&new.outcome).show_ui(ui, |ui| {
        for name in &data.table.header {
            ui.selectable_value(&mut new.outcome, name.clone(), name);
        }
    });
    let published = Question::of(&data.table).map(|q| q.predictors).unwrap_or_default();
    let words =
        if Question::published(&data.table).is_empty() { "Suggested predictors" } else { "Published four" };
    if ui.button(words).on_hover_text("The study's four, where the table has them").clicked() {
        new.predictors.clone_from(&published);
    }
    let mut possible = published;
    for name in asked.possible(&data.table).into_iter().chain(asked.predictors.iter().cloned()) {
        if !possible.contains(&name) {
            possible.push(name);
        }
    }
    for name in possible {
        let mut on = new.predictors.contains(&name);
        if ui.checkbox(&mut on, &name).changed() {
            if on {
                new.predictors.push(name);
            } else {
                new.predictors.retain(|n| *n != name);
            }
        }
    }
    ui.separator();
    ui.heading("How");
    ui.horizontal(|ui| {
        let label = ui.label("Resamples");
        ui.add(DragValue::new(&mut new.bootstrap).range(0..=2000).speed(5)).labelled_by(label.id);
        let label = ui.label("Seed");
        ui.add(DragValue::new(&mut new.seed)).labelled_by(label.id);
    });
    ui.checkbox(&mut new.as_published, "As published").on_hover_text(
        "Blank categories count as the reference level, and deaths coded 0, 1, 2 are read as missing, alive, dead, as the study's authors did",
    );
    if new != asked {
        scene.send(Command::Ask(Box::new(new)));
    }
}

//! One patient at a time: whom the desk belongs to, and what crosses from one to another only at a person's word.

use super::super::Workstation;
use super::super::jobs::JobId;
use super::super::shelf::Desk;
use super::super::state::{FilledRow, Inputs, Person, SamePerson, Severity, Workspace};
use super::patient::form_texts;
use thoracast_core::clinical;
use thoracast_core::identity::{Comparison, Identity, Source};
use thoracast_dicom::{Orientation, Series};

impl Workstation {
    /// Puts the open patient away with all that was done: with the series, or with the row shown alone. The desk is then
    /// empty and nobody's.
    pub(super) fn park(&mut self) {
        self.jobs.cancel(JobId::Assess);
        let state = &mut self.state;
        state.pending_predict = false;
        state.last_change = None;
        let viewer = &mut state.viewer;
        viewer.sketch = None;
        viewer.selected = None;
        viewer.cine.playing = false;
        viewer.active = Orientation::Axial;
        let open = viewer.open.take();
        let desk = Desk {
            cross: viewer.cross,
            window: viewer.window,
            views: viewer.views,
            person: Person { offered: None, ..std::mem::take(&mut state.person) },
            inputs: std::mem::take(&mut state.inputs),
            undo: std::mem::take(&mut state.undo),
            redo: std::mem::take(&mut state.redo),
            outcome: std::mem::take(&mut state.outcome),
        };
        match open {
            Some(open) => state.shelf.park(open, desk),
            None if desk.inputs.filled() > 0 => state.shelf.park_alone(desk),
            None => {}
        }
    }

    /// Takes up the work on a series where it was left. A new one begins with what is known of the same patient; values
    /// of somebody else who was on the desk are offered.
    pub(super) fn seat(&mut self, desk: Option<Desk>, series: &Series, before: Option<FilledRow>) {
        if let Some(desk) = desk {
            return self.take_up(desk);
        }
        self.state.viewer.look_at_new(series);
        let identity = Identity::of_series(series);
        let known = self.state.shelf.inputs_of(&identity);
        let known = known.map(|k| (k.id.clone(), k.fields.clone(), k.row.clone()));
        self.state.person = Person { identity: identity.clone(), offered: None };
        self.state.inputs = Inputs { id: identity.id.clone(), ..Inputs::default() };
        if let Some((id, fields, row)) = known {
            self.state.inputs = Inputs { id, fields, row, ..Inputs::default() };
        } else if let Some(values) = before {
            self.offer(values);
        }
        self.take_own_row();
    }

    fn take_up(&mut self, desk: Desk) {
        let state = &mut self.state;
        state.viewer.cross = desk.cross;
        state.viewer.window = desk.window;
        state.viewer.views = desk.views;
        state.person = desk.person;
        state.inputs = desk.inputs;
        state.undo = desk.undo;
        state.redo = desk.redo;
        state.outcome = desk.outcome;
    }

    /// The values on the desk where no series is open: somebody's, whom the next series may or may not be.
    pub(super) fn values_without_series(&self) -> Option<FilledRow> {
        let state = &self.state;
        if state.viewer.open.is_some() || state.inputs.filled() == 0 {
            return None;
        }
        let known = &state.person.identity;
        let identity = if known.is_empty() { state.inputs.identity() } else { known.clone() };
        Some(FilledRow { identity, fields: state.inputs.fields.clone() })
    }

    /// Puts values into the form where they are the open patient's; else they wait for a person's word.
    fn offer(&mut self, values: FilledRow) {
        if self.state.is_open_patient(&values.identity) {
            self.take_values(values);
        } else {
            self.state.person.offered = Some(values);
        }
    }

    fn take_values(&mut self, values: FilledRow) {
        self.state.last_change = None;
        self.change("row", |inputs| {
            if !values.identity.id.is_empty() {
                inputs.id.clone_from(&values.identity.id);
            }
            inputs.fields.clone_from(&values.fields);
            inputs.row = Some(values);
        });
    }

    /// The open patient's own row of the open table, if the form is empty: a filled form is never overwritten unasked.
    pub(super) fn take_own_row(&mut self) {
        let id = self.state.person.identity.id.clone();
        let Some(open) = &self.state.table else { return };
        if id.is_empty() || self.state.inputs.filled() > 0 || self.state.person.offered.is_some() {
            return;
        }
        let has_row = matches!(Identity::of_row(&open.table, &id).source, Source::Row { .. });
        if has_row {
            self.pick_row(&id);
        }
    }

    /// The values of the open table's row with this ID; a sentence is told where there are none.
    pub(super) fn read_row(&mut self, id: &str) -> Option<FilledRow> {
        let open = self.state.table.as_ref()?;
        let table = self.state.cohort.source_of(open, id).unwrap_or(&open.table);
        let identity = Identity::of_row(table, id);
        match clinical::read_record(table, id) {
            Ok((record, warnings)) => {
                for warning in warnings {
                    self.state.tell(Severity::Warning, warning);
                }
                Some(FilledRow { identity, fields: form_texts(&record) })
            }
            Err(error) => {
                self.state.tell(Severity::Error, error.to_string());
                None
            }
        }
    }

    /// Fills the form from the open table's row with this ID, after a question where it is another's.
    pub(super) fn pick_row(&mut self, id: &str) {
        let Some(values) = self.read_row(id) else { return };
        if self.state.viewer.open.is_none() {
            return self.show_alone(values);
        }
        self.offer(values);
    }

    /// Fills the form of a patient just opened; a filled one stays as it is.
    pub(super) fn offer_to_empty_form(&mut self, values: FilledRow) {
        if self.state.inputs.filled() == 0 {
            self.offer(values);
        }
    }

    /// Opens the patient of a row: the open one, else the row's own series, else the row alone. Never puts it onto
    /// somebody else's series.
    pub(super) fn open_row(&mut self, id: &str) {
        let has_series = self.state.cohort.patients.as_ref().is_some_and(|patients| {
            let mut own = patients.matching.patients.iter().filter(|p| p.id == id);
            own.any(|p| !p.series.is_empty())
        });
        let values = Identity::typed(id);
        if has_series && !self.state.is_open_patient(&values) {
            return self.open_patient(id);
        }
        let Some(values) = self.read_row(id) else { return };
        self.state.workspace = Workspace::Patient;
        if self.state.is_open_patient(&values.identity) {
            self.offer_to_empty_form(values);
        } else {
            self.show_alone(values);
        }
    }

    /// Puts the open patient away and shows a row without pictures, where it was left if it was shown before.
    pub(super) fn show_alone(&mut self, values: FilledRow) {
        let person = Person { identity: values.identity.clone(), offered: None };
        let nobody = self.state.viewer.open.is_none() && self.state.person.identity.is_empty();
        if nobody || self.state.person.identity == person.identity {
            // The form is nobody's or this very row's: undo brings back what was typed.
            self.state.person = person;
            return self.take_values(values);
        }
        self.jobs.cancel(JobId::Load);
        self.park();
        if let Some(desk) = self.state.shelf.take_alone(&values.identity) {
            self.take_up(desk);
        }
        self.state.person = person;
        self.offer_to_empty_form(values);
    }

    /// A person's answer to [`super::super::state::State::identity_question`].
    pub(super) fn answer_identity(&mut self, same: bool) {
        let Some(question) = self.state.identity_question() else { return };
        let offered = self.state.person.offered.take();
        if same {
            if question.study.compare(&question.values) != Comparison::Same {
                let said = SamePerson { study: question.study, values: question.values };
                self.state.same_persons.push(said);
            }
            if let Some(values) = offered {
                self.take_values(values);
            }
        } else if !question.offered {
            // The ID in the form was not this patient's; the patient's own stands there again.
            let id = question.study.id;
            self.change("id", |inputs| inputs.id = id);
        }
        self.predict_if_pending();
    }
}

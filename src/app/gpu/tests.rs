//! The shader's pictures against the voxels in memory, pixel by pixel, on whatever adapter there is.

use std::sync::Arc;
use std::time::Instant;

use eframe::egui_wgpu::{RenderState, RendererOptions, WgpuConfiguration};
use eframe::wgpu;
use egui::{Rect, pos2, vec2};

use super::super::placement::Placement;
use super::super::viewer::{OpenSeries, Projection, Slab, View, Viewer, Window};
use super::*;
use thoracast_dicom::{Geometry, Plane, Sections, Series, Volume, Voxel};

const SIDE: u32 = 128;

/// `None` (with the reason printed) without any graphics driver, software ones included; never so in CI.
fn render_state() -> Option<RenderState> {
    let setup = egui_kittest::wgpu::default_wgpu_setup();
    let instance = pollster::block_on(setup.new_instance());
    let configuration = WgpuConfiguration { wgpu_setup: setup, ..Default::default() };
    let state = RenderState::create(&configuration, &instance, None, RendererOptions::PREDICTABLE);
    match pollster::block_on(state) {
        Ok(state) => Some(state),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "no graphics adapter: {error}");
            eprintln!("ignored: no graphics adapter ({error})");
            None
        }
    }
}

/// 24 rows, 20 columns; slices at 3 mm with two missing, shifted by a tilted gantry; a rescale of its own for each.
fn viewer() -> Viewer {
    let tilt = 0.2f64;
    let heights = [0.0, 3.0, 6.0, 15.0, 18.0, 21.0];
    let column_direction = [0.0, tilt.cos(), tilt.sin()];
    let geometry = Geometry {
        origins_mm: heights.iter().map(|h| [10.0, 5.0, h / tilt.cos()]).collect(),
        row_direction: [1.0, 0.0, 0.0],
        column_direction,
        spacing_mm: [1.0, 1.5, 3.0],
    };
    let plane = |slice: usize| {
        let stored = (0..24 * 20).map(|i| ((i * 37 + slice * 101) % 900) as i16 - 450).collect();
        Arc::new(Plane { stored, slope: 1.0 + slice as f32 * 0.1, intercept: -5.0 * slice as f32 })
    };
    let planes: Vec<Arc<Plane>> = (0..heights.len()).map(plane).collect();
    let sections = Arc::new(Sections::new(&geometry, 24, 20).unwrap());
    let volume = Volume {
        series_uid: "1".into(),
        rows: 24,
        columns: 20,
        planes: planes.clone(),
        geometry,
        unmeasured: None,
    };
    let open = OpenSeries {
        series: Series { rows: 24, columns: 20, usable: true, ..Series::default() },
        planes: planes.into_iter().map(Some).collect(),
        opening: 1,
        asked_at: Instant::now(),
        volume: Some(Arc::new(volume)),
        sections,
    };
    Viewer {
        open: Some(open),
        cross: Voxel { column: 9, row: 11, slice: 2 },
        window: Window { centre: 20.0, width: 700.0 },
        smooth: false,
        ..Viewer::default()
    }
}

fn place(viewer: &Viewer, orientation: Orientation) -> Placement {
    let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(SIDE as f32, SIDE as f32));
    Placement::new(rect, viewer.view(orientation), &viewer.open.as_ref().unwrap().sections, orientation)
}

/// The grey values of one view.
fn drawn(render: &RenderState, viewer: &Viewer, orientation: Orientation) -> Vec<u8> {
    let (device, queue) = (&render.device, &render.queue);
    let mut viewport = Viewport::new(render);
    viewport.painter = Arc::new(Painter::new(device, wgpu::TextureFormat::Rgba8Unorm));
    while viewport.update(viewer) {}
    let open = viewer.open.as_ref().unwrap();
    assert_eq!(viewport.refusal(open), None);
    let target = device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width: SIDE, height: SIDE, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let bindings = viewport.uploaded.as_ref().unwrap().bindings(orientation);
    bindings.set(queue, &Look::new(viewer, &open.sections, orientation, &place(viewer, orientation)));
    let view = target.create_view(&Default::default());
    let mut encoder = device.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::RED),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        viewport.painter.draw(&mut pass, &bindings);
    }
    let bytes = u64::from(SIDE * SIDE * 4);
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let layout =
        wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(SIDE * 4), rows_per_image: Some(SIDE) };
    encoder.copy_texture_to_buffer(
        target.as_image_copy(),
        wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
        wgpu::Extent3d { width: SIDE, height: SIDE, depth_or_array_layers: 1 },
    );
    queue.submit([encoder.finish()]);
    buffer.slice(..).map_async(wgpu::MapMode::Read, |result| result.unwrap());
    device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let pixels = buffer.slice(..).get_mapped_range().unwrap().to_vec();
    pixels.chunks(4).map(|p| p[0]).collect()
}

/// Share of pixels that differ by more than a grey level from what the voxels say. A pixel whose centre falls on the
/// border of two voxels may take either, hence a share and not none.
fn differing(
    viewer: &Viewer,
    orientation: Orientation,
    pixels: &[u8],
    expected: impl Fn(Voxel) -> f32,
) -> f64 {
    let open = viewer.open.as_ref().unwrap();
    let place = place(viewer, orientation);
    let section = viewer.section(orientation);
    let mut wrong = 0;
    for (i, &pixel) in pixels.iter().enumerate() {
        let (x, y) = (i as u32 % SIDE, i as u32 / SIDE);
        let mm = place.mm(pos2(x as f32 + 0.5, y as f32 + 0.5));
        let hu = open.sections.voxel(section, mm).map(&expected);
        let window = viewer.window;
        let grey = hu.map_or(0.0, |hu| ((hu - window.low()) / window.width).clamp(0.0, 1.0) * 255.0);
        wrong += usize::from((grey - f32::from(pixel)).abs() > 1.0);
    }
    wrong as f64 / pixels.len() as f64
}

#[test]
fn every_view_shows_the_voxels_where_they_lie() {
    let Some(render) = render_state() else { return };
    let mut viewer = viewer();
    for (i, orientation) in Orientation::ALL.into_iter().enumerate() {
        *viewer.view_mut(orientation) =
            View { zoom: 1.0 + i as f32 * 0.3, pan: vec2(3.0, -5.0), turns: i as u8, mirrored: i == 1 };
        let pixels = drawn(&render, &viewer, orientation);
        let open = viewer.open.as_ref().unwrap();
        let wrong = differing(&viewer, orientation, &pixels, |voxel| open.value(voxel).unwrap());
        assert!(wrong < 0.005, "{orientation:?}: {:.2} % differ", wrong * 100.0);
        assert!(pixels.iter().any(|&p| p > 0));
    }
}

#[test]
fn a_slab_shows_the_mean_or_the_maximum() {
    let Some(render) = render_state() else { return };
    for projection in [Projection::Mean, Projection::Maximum] {
        let mut viewer = viewer();
        // Two columns to either side.
        viewer.slab = Slab { thickness_mm: 6.0, projection };
        let pixels = drawn(&render, &viewer, Orientation::Sagittal);
        let open = viewer.open.as_ref().unwrap();
        let wrong = differing(&viewer, Orientation::Sagittal, &pixels, |voxel| {
            let columns = voxel.column - 2..=voxel.column + 2;
            let values = columns.map(|column| open.value(Voxel { column, ..voxel }).unwrap());
            match projection {
                Projection::Mean => values.sum::<f32>() / 5.0,
                Projection::Maximum => values.fold(f32::MIN, f32::max),
            }
        });
        assert!(wrong < 0.005, "{projection:?}: {:.2} % differ", wrong * 100.0);
    }
}

#[test]
fn inversion_and_interpolation_happen_in_the_shader() {
    let Some(render) = render_state() else { return };
    let mut viewer = viewer();
    let plain = drawn(&render, &viewer, Orientation::Axial);
    viewer.invert = true;
    let inverted = drawn(&render, &viewer, Orientation::Axial);
    // Outside the volume both are black.
    let inside: Vec<(u8, u8)> =
        plain.iter().copied().zip(inverted).filter(|&(a, b)| a != 0 || b != 0).collect();
    assert!(
        inside.len() > 5000 && inside.iter().all(|&(a, b)| (i32::from(a) + i32::from(b) - 255).abs() <= 1)
    );
    viewer.invert = false;
    viewer.smooth = true;
    let smooth = drawn(&render, &viewer, Orientation::Axial);
    let place = place(&viewer, Orientation::Axial);
    let open = viewer.open.as_ref().unwrap();
    let mut compared = 0;
    for (i, &pixel) in smooth.iter().enumerate() {
        let (x, y) = (i as u32 % SIDE, i as u32 / SIDE);
        let [x, y] = place.mm(pos2(x as f32 + 0.5, y as f32 + 0.5));
        let (column, row) = (x / 1.5, y);
        if column < 0.0 || row < 0.0 || column >= 19.0 || row >= 23.0 {
            continue;
        }
        let at = |c: usize, r: usize| {
            f64::from(
                open.value(Voxel { column: column as usize + c, row: row as usize + r, slice: 2 }).unwrap(),
            )
        };
        let (u, v) = (column.fract(), row.fract());
        let hu =
            (at(0, 0) * (1.0 - u) + at(1, 0) * u) * (1.0 - v) + (at(0, 1) * (1.0 - u) + at(1, 1) * u) * v;
        let window = viewer.window;
        let grey = ((hu - f64::from(window.low())) / f64::from(window.width)).clamp(0.0, 1.0) * 255.0;
        assert!((grey - f64::from(pixel)).abs() <= 1.5, "{column}, {row}: {grey} against {pixel}");
        compared += 1;
    }
    assert!(compared > 5000);
}

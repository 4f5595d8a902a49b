//! Drawing one view from the volume's texture.

use std::sync::Arc;

use eframe::egui_wgpu::{self, CallbackResources, CallbackTrait, ScreenDescriptor};
use eframe::wgpu;

use super::super::placement::Placement;
use super::super::viewer::{Projection, Viewer};
use thoracast_dicom::{Orientation, Sections};

/// Bytes of the shader's `View`.
const LOOK_BYTES: u64 = 112;

/// The shader's `View`: what one view shows of the volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    floats: [f32; 20],
    numbers: [u32; 8],
}

impl Look {
    pub fn new(viewer: &Viewer, s: &Sections, orientation: Orientation, place: &Placement) -> Self {
        let [corner, across, along] = place.frame();
        let window = [viewer.window.low(), 1.0 / viewer.window.width.max(1e-3)];
        let [horizontal, vertical] = s.axes(orientation);
        let [row_mm, column_mm, slice_mm] = s.spacing_mm.map(|x| x as f32);
        let section = viewer.section(orientation);
        let maximum = viewer.slab.projection == Projection::Maximum;
        let slab = [
            s.across_mm(section) as f32,
            viewer.slab.thickness_mm / 2.0,
            s.step_mm(orientation) as f32,
            if maximum { 1.0 } else { 0.0 },
        ];
        let mut floats = [0.0; 20];
        let parts: [&[f32]; 7] = [
            &corner,
            &across,
            &along,
            &window,
            &[
                horizontal.start_mm as f32,
                horizontal.sign as f32,
                vertical.start_mm as f32,
                vertical.sign as f32,
            ],
            &[column_mm, row_mm, slice_mm, s.reach_mm() as f32],
            &slab,
        ];
        for (place, value) in floats.iter_mut().zip(parts.into_iter().flatten()) {
            *place = *value;
        }
        let flags = u32::from(viewer.invert) | u32::from(viewer.smooth) << 1;
        let numbers = [
            s.columns as u32,
            s.rows as u32,
            s.slices() as u32,
            orientation as u32,
            section.index as u32,
            flags,
            0,
            0,
        ];
        Self { floats, numbers }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = bytemuck::cast_slice::<f32, u8>(&self.floats).to_vec();
        bytes.extend_from_slice(bytemuck::cast_slice(&self.numbers));
        bytes
    }
}

/// A view's textures and its own room for a [`Look`].
#[derive(Clone)]
pub struct Bindings {
    group: wgpu::BindGroup,
    look: wgpu::Buffer,
}

impl Bindings {
    pub fn set(&self, queue: &wgpu::Queue, look: &Look) {
        queue.write_buffer(&self.look, 0, &look.bytes());
    }
}

/// The pipeline all views are drawn with.
pub struct Painter {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
}

impl Painter {
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let shader = device.create_shader_module(wgpu::include_wgsl!("section.wgsl"));
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("section"),
            entries: &[
                entry(
                    0,
                    wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Uniform,
                        has_dynamic_offset: false,
                        min_binding_size: std::num::NonZeroU64::new(LOOK_BYTES),
                    },
                ),
                entry(1, texture_binding(wgpu::TextureSampleType::Sint, wgpu::TextureViewDimension::D3)),
                entry(
                    2,
                    texture_binding(
                        wgpu::TextureSampleType::Float { filterable: false },
                        wgpu::TextureViewDimension::D2,
                    ),
                ),
            ],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("section"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("section"),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: Some("vs"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: Some("fs"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(format.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        Self { pipeline, layout }
    }

    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, bindings: &Bindings) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &bindings.group, &[]);
        pass.draw(0..3, 0..1);
    }

    /// Binds a volume's textures for one view.
    pub fn bindings(&self, device: &wgpu::Device, voxels: &wgpu::Texture, table: &wgpu::Texture) -> Bindings {
        let look = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("look"),
            size: LOOK_BYTES,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let (voxels, table) =
            (voxels.create_view(&Default::default()), table.create_view(&Default::default()));
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("section"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: look.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&voxels) },
                wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::TextureView(&table) },
            ],
        });
        Bindings { group, look }
    }
}

fn entry(binding: u32, ty: wgpu::BindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry { binding, visibility: wgpu::ShaderStages::FRAGMENT, ty, count: None }
}

fn texture_binding(
    sample_type: wgpu::TextureSampleType,
    view_dimension: wgpu::TextureViewDimension,
) -> wgpu::BindingType {
    wgpu::BindingType::Texture { sample_type, view_dimension, multisampled: false }
}

struct Section {
    painter: Arc<Painter>,
    bindings: Bindings,
    look: Look,
}

/// The shape that draws a view's section into its rectangle.
pub fn shape(rect: egui::Rect, painter: Arc<Painter>, bindings: Bindings, look: Look) -> egui::Shape {
    egui_wgpu::Callback::new_paint_callback(rect, Section { painter, bindings, look }).into()
}

impl CallbackTrait for Section {
    fn prepare(
        &self,
        _device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        _resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        self.bindings.set(queue, &self.look);
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        _resources: &CallbackResources,
    ) {
        self.painter.draw(pass, &self.bindings);
    }
}

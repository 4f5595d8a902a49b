//! One series in graphics memory, slice by slice.

use eframe::wgpu;

use super::super::viewer::OpenSeries;
use super::paint::{Bindings, Painter};
use thoracast_dicom::{Orientation, Plane};

/// Slices uploaded in one frame at most: 12 MiB of a 512 × 512 series, a few ms.
const SLICES_A_FRAME: usize = 24;

/// Rows of the table of slices, see the shader.
const TABLE_ROWS: usize = 2;

/// The textures of one opening.
pub struct Uploaded {
    pub opening: u64,
    voxels: wgpu::Texture,
    table: wgpu::Texture,
    rows: u32,
    columns: u32,
    sent: Vec<bool>,
    /// Contents of `table`: four numbers a slice and row.
    figures: Vec<[f32; 4]>,
    /// True once the slices' true places are in the table.
    placed: bool,
    bindings: [Bindings; 3],
}

impl Uploaded {
    /// Room for a series.
    ///
    /// # Errors
    /// One sentence when the adapter can't hold it.
    pub fn new(device: &wgpu::Device, painter: &Painter, open: &OpenSeries) -> Result<Self, String> {
        let (columns, rows, slices) = (open.series.columns, open.series.rows, open.planes.len());
        let limit = device.limits().max_texture_dimension_3d as usize;
        if columns.max(rows).max(slices) > limit {
            return Err(format!(
                "{columns} × {rows} pixels in {slices} slices are more than this graphics adapter can show ({limit} each way); measuring and predicting still work"
            ));
        }
        let size = wgpu::Extent3d {
            width: columns as u32,
            height: rows as u32,
            depth_or_array_layers: slices as u32,
        };
        let table_size =
            wgpu::Extent3d { width: slices as u32, height: TABLE_ROWS as u32, depth_or_array_layers: 1 };
        let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let voxels =
            texture(device, "voxels", size, wgpu::TextureDimension::D3, wgpu::TextureFormat::R16Sint);
        let table = texture(
            device,
            "slices",
            table_size,
            wgpu::TextureDimension::D2,
            wgpu::TextureFormat::Rgba32Float,
        );
        let bindings = Orientation::ALL.map(|_| painter.bindings(device, &voxels, &table));
        let problem = [pollster::block_on(validation.pop()), pollster::block_on(memory.pop())];
        if problem.iter().any(Option::is_some) {
            let mib = open.bytes() >> 20;
            return Err(format!(
                "the graphics adapter has no room for this series ({mib} MiB); close other programs that draw, or start with a software adapter"
            ));
        }
        Ok(Self {
            opening: open.opening,
            voxels,
            table,
            rows: rows as u32,
            columns: columns as u32,
            sent: vec![false; slices],
            figures: vec![[0.0; 4]; slices * TABLE_ROWS],
            placed: false,
            bindings,
        })
    }

    pub fn bindings(&self, orientation: Orientation) -> Bindings {
        self.bindings[orientation as usize].clone()
    }

    /// Uploads slices that have been read since, those nearest to `wanted` first; true if there are more.
    pub fn upload(&mut self, queue: &wgpu::Queue, open: &OpenSeries, wanted: usize) -> bool {
        let ready = |&slice: &usize| open.planes[slice].is_some() && !self.sent[slice];
        let mut waiting: Vec<usize> = (0..self.sent.len()).filter(ready).collect();
        waiting.sort_by_key(|slice| slice.abs_diff(wanted));
        let more = waiting.len() > SLICES_A_FRAME;
        waiting.truncate(SLICES_A_FRAME);
        for &slice in &waiting {
            if let Some(plane) = &open.planes[slice] {
                self.send(queue, slice, plane);
            }
        }
        let place = !self.placed && open.volume.is_some();
        if place {
            self.place(open);
        }
        if place || !waiting.is_empty() {
            self.send_table(queue);
        }
        more
    }

    fn send(&mut self, queue: &wgpu::Queue, slice: usize, plane: &Plane) {
        self.sent[slice] = true;
        if plane.stored.len() != (self.rows * self.columns) as usize {
            return;
        }
        let target = wgpu::TexelCopyTextureInfo {
            texture: &self.voxels,
            mip_level: 0,
            origin: wgpu::Origin3d { x: 0, y: 0, z: slice as u32 },
            aspect: wgpu::TextureAspect::All,
        };
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(self.columns * 2),
            rows_per_image: Some(self.rows),
        };
        let size = wgpu::Extent3d { width: self.columns, height: self.rows, depth_or_array_layers: 1 };
        queue.write_texture(target, bytemuck::cast_slice(&plane.stored), layout, size);
        self.figures[slice] = [plane.slope, plane.intercept, 1.0, 0.0];
    }

    fn place(&mut self, open: &OpenSeries) {
        self.placed = true;
        let s = &open.sections;
        let places = s.heights_mm.iter().zip(&s.shifts_mm);
        let row = &mut self.figures[self.sent.len()..];
        for (figure, (&height, shift)) in row.iter_mut().zip(places) {
            *figure = [height as f32, shift[0] as f32, shift[1] as f32, 0.0];
        }
    }

    fn send_table(&self, queue: &wgpu::Queue) {
        let width = self.sent.len() as u32;
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(width * 16),
            rows_per_image: Some(TABLE_ROWS as u32),
        };
        let size = wgpu::Extent3d { width, height: TABLE_ROWS as u32, depth_or_array_layers: 1 };
        queue.write_texture(self.table.as_image_copy(), bytemuck::cast_slice(&self.figures), layout, size);
    }
}

fn texture(
    device: &wgpu::Device,
    label: &str,
    size: wgpu::Extent3d,
    dimension: wgpu::TextureDimension,
    format: wgpu::TextureFormat,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

"""Writes a CT series of 400 slices of 512 x 512, uncompressed and JPEG lossless, for the comparison of loading times.

    python make_series.py FOLDER

Anatomy-like shapes with noise of 12 HU, 16 bit signed, explicit little endian; the second copy is transcoded by GDCM.
"""
import pathlib
import sys

import gdcm
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SLICES, SIDE = 400, 512


def picture(number, rng):
    """HU of one slice: air, a body, two lungs, a spine, noise."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    breathing = 0.02 * np.sin(number / 40)
    hu = np.full((SIDE, SIDE), -1000.0)
    hu[(x / 0.42) ** 2 + (y / 0.30) ** 2 < 1] = 40
    for side in (-0.18, 0.18):
        hu[((x - side) / 0.13) ** 2 + (y / (0.2 + breathing)) ** 2 < 1] = -850
    hu[x**2 + (y - 0.2) ** 2 < 0.003] = 350
    return (hu + rng.normal(0, 12, hu.shape)).clip(-1024, 3071).astype(np.int16)


def write(folder):
    rng = np.random.default_rng(1)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number in range(SLICES):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"{number:04}.dcm"
        d = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = study, series, frame
        d.PatientID, d.PatientName, d.Modality = "BENCH", "Bench", "CT"
        d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        d.InstanceNumber = number + 1
        d.ImagePositionPatient = [-180, -180, number * 1.0]
        d.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        d.PixelSpacing, d.SliceThickness = [0.7, 0.7], 1
        d.RescaleSlope, d.RescaleIntercept = 1, -1024
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.Rows = d.Columns = SIDE
        d.BitsAllocated = d.BitsStored = 16
        d.HighBit, d.PixelRepresentation = 15, 1
        d.PixelData = (picture(number, rng) + 1024).tobytes()
        d.save_as(path, enforce_file_format=True)


def transcode(source, target):
    for path in sorted(source.iterdir()):
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read(), path
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        assert change.Change(), path
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(target / path.name))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write(), path


folder = pathlib.Path(sys.argv[1])
plain, lossless = folder / "uncompressed", folder / "jpeg-lossless"
plain.mkdir(parents=True)
lossless.mkdir()
write(plain)
transcode(plain, lossless)

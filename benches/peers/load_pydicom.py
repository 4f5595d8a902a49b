"""All voxels of a folder in HU with pydicom and numpy, one thread, slices by position. Prints slices and the sum of HU."""
import pathlib
import sys

import numpy as np
import pydicom

slices = [pydicom.dcmread(path) for path in pathlib.Path(sys.argv[1]).iterdir()]
slices.sort(key=lambda d: float(d.ImagePositionPatient[2]))
volume = np.empty((len(slices), slices[0].Rows, slices[0].Columns), np.float32)
for number, d in enumerate(slices):
    volume[number] = d.pixel_array * np.float32(d.RescaleSlope) + np.float32(d.RescaleIntercept)
print(len(slices), int(volume.sum(dtype=np.float64)))

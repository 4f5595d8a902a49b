"""All voxels of a folder in HU with SimpleITK's GDCM series reader. Prints slices and the sum of HU."""
import sys

import SimpleITK as sitk

reader = sitk.ImageSeriesReader()
reader.SetFileNames(reader.GetGDCMSeriesFileNames(sys.argv[1]))
image = reader.Execute()
print(image.GetSize()[2], int(sitk.GetArrayViewFromImage(image).sum(dtype="float64")))

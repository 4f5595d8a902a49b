# Times rms::calibrate and rms::validate with B = 1000 on a table with a 0/1 outcome, three runs each.
# Debian: r-base-core r-cran-rms.   Rscript compare_calibration.R TABLE.csv [ENCODING]
# The table's columns are renamed as the study's nomogram table has them; blank categories are left out.
suppressMessages(library(rms))
arguments <- commandArgs(trailingOnly = TRUE)
encoding <- if (length(arguments) > 1) arguments[2] else "UTF-8"
d <- read.csv(arguments[1], stringsAsFactors = FALSE, fileEncoding = encoding)
names(d) <- c("num", "ki67", "histology", "pmi", "fusion", "os", "dmfs", "metastasis", "dead", "points", "group")[seq_along(d)]
d <- d[d$ki67 != "", ]
dd <- datadist(d); options(datadist = "dd")
fit <- lrm(metastasis ~ ki67 + histology + pmi + fusion, data = d, x = TRUE, y = TRUE)
seconds <- function(f) median(sapply(1:3, function(i) { set.seed(i); system.time(suppressWarnings(f()))["elapsed"] }))
cat(sprintf("calibrate B=1000: %.2f s\n", seconds(function() calibrate(fit, method = "boot", B = 1000))))
cat(sprintf("validate B=1000: %.2f s\n", seconds(function() validate(fit, method = "boot", B = 1000))))

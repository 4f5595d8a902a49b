# What benches/statistics.rs times, in R: curves, log-rank test and regressions on simulated patients of the same kind.
# Rscript benches/peers/compare_statistics.R [runs]
suppressMessages(library(survival))

runs <- commandArgs(trailingOnly = TRUE)
runs <- if (length(runs)) as.integer(runs[1]) else 3L
set.seed(1)

timed <- function(what, f) {
  f <- substitute(f); env <- parent.frame()
  s <- replicate(runs, system.time(eval(f, env))[["elapsed"]])
  cat(sprintf("%-40s %8.3f s (least %.3f)\n", what, median(s), min(s)))
}

n <- 1e6
curves <- data.frame(time = rexp(n) * 1000, event = runif(n) < 0.4, group = seq_len(n) %% 3)
timed("survfit, 1,000,000 in 3 groups", survfit(Surv(time, event) ~ group, curves))
timed("survdiff, 1,000,000 in 3 groups", survdiff(Surv(time, event) ~ group, curves))

n <- 1e5
x <- matrix(runif(n * 20) * 2 - 1, n, dimnames = list(NULL, paste0("x", 0:19)))
log_hazard <- drop(x %*% ((0:19 - 10) / 20))
d <- data.frame(x, time = rexp(n) * 1000 / exp(log_hazard), event = runif(n) < 0.5,
                y = runif(n) < plogis(log_hazard))
model <- reformulate(colnames(x), "Surv(time, event)")
# Our fit includes concordance and the test of proportional hazards; so does this.
timed("coxph efron + cox.zph, 20 x 100,000", { m <- coxph(model, d, ties = "efron"); cox.zph(m) })
timed("coxph efron alone", coxph(model, d, ties = "efron"))
timed("coxph breslow + cox.zph, 20 x 100,000", { m <- coxph(model, d, ties = "breslow"); cox.zph(m) })
timed("glm binomial, 20 x 100,000", glm(reformulate(colnames(x), "y"), binomial, d))

# Calibration alone, and with the figures of validate, which ours computes beside it.
suppressMessages(library(rms))
few <- d[1:186, ]
fit <- lrm(y ~ x12 + x13 + x14 + x15, few, x = TRUE, y = TRUE)
quietly <- function(f) invisible(capture.output(f))
timed("rms::calibrate, B = 1000, 186 patients", quietly(calibrate(fit, method = "boot", B = 1000)))
timed("rms::validate, likewise", quietly(validate(fit, method = "boot", B = 1000)))

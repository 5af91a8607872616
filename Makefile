# Every target makes .venv when it is missing; PYTHON names the interpreter to make it with.
PYTHON ?= python3
# For `make test-floor` and `make test-newest`: pyenv's interpreters, or else what uv finds or fetches.
PYENV := $(HOME)/.pyenv/versions
OLDEST ?= $(lastword 3.10 $(sort $(wildcard $(PYENV)/3.10.*/bin/python)))
NEWEST ?= $(lastword 3.14 $(sort $(wildcard $(PYENV)/3.1[1-9].*/bin/python)))
BIN := .venv/bin
# Packages are installed uncompiled. Where an environment (often a container's) forbids Python to keep
# what it compiles, each of hundreds of processes would compile PyTorch anew: 12 s in place of 4.
unexport PYTHONDONTWRITEBYTECODE
# Two workers, one thread each: more threads than cores slow each other down.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -q
# A lesson stays with one worker; the first to start is as long as half of the others together.
LONGEST := notebooks/11_mask_rcnn_trained.ipynb
OTHERS := $(filter-out $(LONGEST),$(sort $(wildcard notebooks/*.ipynb)))
LESSONS := --dist loadfile --no-loadscope-reorder $(LONGEST) $(OTHERS)
# Of each kind one: a whole model, one operation, a head that is trained.
THREE_LESSONS := notebooks/00_start_here.ipynb notebooks/04_roi_align.ipynb notebooks/09_decoupled_mask_loss.ipynb
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=900 --nbval-sanitize-with tests/nbval_sanitize.cfg

define TEST_ELSEWHERE
	OMP_NUM_THREADS=1 $(1)/bin/python -m pytest -n 2 -q --dist worksteal tests --ignore tests/browser -m "not full_edition and not slow and not once"
	OMP_NUM_THREADS=1 $(1)/bin/python -m pytest -n 2 -q $(NBVAL) --dist loadfile $(THREE_LESSONS)
endef

# uv chooses versions from either end; pip only from the upper one.
define INSTALL_ELSEWHERE
	$(BIN)/python -m pip install --quiet uv
	@echo "$(1): $(2), $(3) versions"
	$(BIN)/uv venv --quiet --clear --python $(2) $(1)
	$(BIN)/uv pip install --quiet --python $(1) --resolution $(3) --upgrade -e '.[dev]'
	touch $(1)/installed
endef

.PHONY: demo test test-package test-notebooks test-slow test-floor test-newest test-windows test-student browser-test site lab notebooks weights student lint format bench

demo: .venv/installed
	$(BIN)/mrcnn-lite demo

test: test-package test-notebooks

test-package: .venv/installed
	$(PYTEST) --dist worksteal tests --ignore tests/browser

test-notebooks: .venv/installed
	$(PYTEST) $(NBVAL) $(LESSONS)

# Every kill and every table, of which `make test` has a short version each.
test-slow: .venv/installed
	$(PYTEST) --dist worksteal -m slow tests

# What Windows lacks is taken away: fcntl, fork, copy-on-write maps, a console that knows every sign.
test-windows: .venv/installed
	$(PYTEST) --dist worksteal -p tests.as_on_windows tests/engine tests/models tests/test_files.py tests/test_awkward_places.py

# The oldest Python with the lowest version of every package that pyproject.toml allows; three
# lessons say whether the digits hold there too.
test-floor: .venv-floor/installed
	$(call TEST_ELSEWHERE,.venv-floor)

# The newest Python here with the newest release of everything.
test-newest: .venv-newest/installed
	$(call TEST_ELSEWHERE,.venv-newest)

# Every lesson once more as students get it: only the checks of their exercises may fail.
test-student: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -q -m full_edition tests/course/test_student.py

# Explorer and site in headless Chromium, the former in JupyterLab too; skipped where there is none.
browser-test: .venv/installed
	$(BIN)/python -m pip install --quiet --no-compile -e '.[browser,site]'
	$(PYTEST) -rs --dist loadfile tests/browser tests/explore/test_arithmetic.py

# The course as a site, runs/site/html, and the same as one file for a classroom.
site: .venv/installed
	$(BIN)/python -m pip install --quiet -e '.[site]'
	$(BIN)/python docs/site/build.py

# A laptop runs other programs, too: threads without work soon sleep (docs/results/busy_core.md).
lab: .venv/installed
	GOMP_SPINCOUNT=1000 $(BIN)/jupyter lab notebooks/00_start_here.ipynb

# Run all lessons and keep their outputs, in place.
notebooks: .venv/installed
	$(BIN)/python -m mrcnn_lite.course.notebooks

# Train the model that lesson 00 runs: the demo, with its weights kept.
weights: .venv/installed
	$(BIN)/mrcnn-lite demo --out runs/weights --weights-out data/weights/mini.safetensors

# The lessons without their solutions; FLAGS="--no-hints" also takes the hints away.
student: .venv/installed
	$(BIN)/mrcnn-lite student --out runs/student $(FLAGS)

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: .venv/installed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/installed
	$(BIN)/python benchmarks/roi_ops.py
	$(BIN)/python benchmarks/model.py

# Not compiled here: Python compiles what it imports, and of all these packages that is a small part.
.venv/installed: pyproject.toml
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --no-compile -e '.[dev]'
	touch $@

.venv-floor/installed: pyproject.toml .venv/installed
	$(call INSTALL_ELSEWHERE,.venv-floor,$(OLDEST),lowest-direct)

.venv-newest/installed: pyproject.toml .venv/installed
	$(call INSTALL_ELSEWHERE,.venv-newest,$(NEWEST),highest)

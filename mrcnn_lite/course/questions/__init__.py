"""The prediction questions of all lessons: every module beside this one is a lesson's."""

import importlib
import pkgutil

_LESSONS = [
    importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
]
QUESTIONS = {question.name: question for lesson in _LESSONS for question in lesson.QUESTIONS}

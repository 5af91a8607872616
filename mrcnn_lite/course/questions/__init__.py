"""The prediction questions of all lessons, a module for each lesson."""

from mrcnn_lite.course.questions import (
    lesson00,
    lesson01,
    lesson02,
    lesson03,
    lesson04,
    lesson05,
    lesson06,
    lesson07,
    lesson08,
    lesson09,
    lesson11,
    lesson13,
)

LESSONS = (
    lesson00,
    lesson01,
    lesson02,
    lesson03,
    lesson04,
    lesson05,
    lesson06,
    lesson07,
    lesson08,
    lesson09,
    lesson11,
    lesson13,
)
QUESTIONS = {question.name: question for lesson in LESSONS for question in lesson.QUESTIONS}

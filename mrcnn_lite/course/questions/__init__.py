"""The prediction questions of all lessons, a module for each lesson."""

from mrcnn_lite.course.questions import lesson02, lesson05, lesson06

QUESTIONS = {
    question.name: question
    for lesson in (lesson02, lesson05, lesson06)
    for question in lesson.QUESTIONS
}

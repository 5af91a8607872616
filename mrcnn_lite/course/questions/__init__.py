"""The prediction questions of all lessons, a module for each lesson."""

from mrcnn_lite.course.questions import lesson02, lesson09, lesson11

QUESTIONS = {
    question.name: question
    for lesson in (lesson02, lesson09, lesson11)
    for question in lesson.QUESTIONS
}

"""The prediction questions of all lessons, a module for each lesson."""

from mrcnn_lite.course.questions import lesson02, lesson07, lesson08

QUESTIONS = {
    question.name: question
    for lesson in (lesson02, lesson07, lesson08)
    for question in lesson.QUESTIONS
}

"""What the lessons need beside the model: checks of exercises, predictions, editions.

Begin with `exercise`, and read one lesson's checks beside it.

    exercise   what a check is made of: a right answer, known mistakes, hints
    naming     which known mistakes explain wrong results, one or two at once
    repair     the one place in a function that is to be changed, found by trying
    results    a function called safely, its result compared and put in words
    checks     the exercises, lesson by lesson
    question   a prediction, with a reply to every choice
    questions  the predictions, lesson by lesson
    check      all of them under one name: `from mrcnn_lite import check`
    slow       slow versions that one lesson writes and another needs again
    pieces     the reader's own functions, taken out of the lessons
    assembly   a model made of them, which lesson 11 trains
    lessons    the lessons in a folder of one's own
    student    the students' edition, without solutions
    grade      grading what was handed in, without nbgrader
    minutes    how long a session takes
    notebooks  re-executing the lessons in place
    alt_text   figures in words, for those who do not see them
"""

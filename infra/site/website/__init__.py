"""The builder of the site: executed lessons and the documentation as static pages, and slides.

It runs in an environment of its own (`infra/site/requirements.txt`) and imports nothing of the workshop. `workshop site`
hands it the lessons.
"""

"""Browser sessions that are watched."""

from support.watch import Watch


class Browsing:
    """Pages in browser sessions of their own, in French, each watched (page.watch)."""

    def __init__(self, chromium):
        self.chromium = chromium
        self.contexts, self.watches = [], []

    def new_page(self, javascript=True, width=1280, height=900, **options):
        context = self.chromium.new_context(locale="fr-FR", java_script_enabled=javascript,
                                            viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(15000)
        self.contexts.append(context)
        page = context.new_page()
        page.watch = Watch(page)
        self.watches.append(page.watch)
        return page

    def close(self):
        for context in self.contexts:
            context.close()

// Entry: everything a page needs before the visitor opens the preferences.

import { show, start as showBanner } from './banner';
import { block } from './block';
import { join, listen, tidy, withdraw } from './consent';
import { painted } from './dom';
import { hold } from './hold';
import { mode } from './mode';
import { view } from './state';
import { store } from './store';
import { convert, start as startViews, track } from './views';

const page = self as { kunji?: Record<string, unknown> };

// A second tag on the same page changes nothing; an element with the id kunji is no tag.
if (!page.kunji?.['track']) {
	page.kunji = {
		show: () => show(),
		withdraw: (o?: { erase?: boolean }) => withdraw(o?.erase),
		consent: view,
		track,
		convert,
		store,
		on: (name: string, f: () => void) => name === 'consent' && listen(f),
	};
	if (BLOCK) block();
	if (MODE) mode();
	showBanner();
	startViews();
	// Nothing of this is worth a later banner, or a later page.
	painted(() => {
		hold();
		join();
		setTimeout(tidy, 2e3);
	});
}

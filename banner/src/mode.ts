// Google Consent Mode v2, Microsoft UET and Clarity: told on the choice and on
// every later page. The default before it is an inline snippet of the page's
// (kunji snippet --consent-mode).

import { listen } from './consent';
import { ask, granted, view } from './state';

interface Tags {
	dataLayer?: unknown[];
	uetq?: unknown[];
	clarity?: (...a: unknown[]) => void;
}

const tags = self as Tags;

function gtag(..._: unknown[]): void {
	// biome-ignore lint/complexity/noArguments: Google's tag reads the arguments object itself
	(tags.dataLayer ??= []).push(arguments);
}

const update = (): void => {
	const v = (p: string): string => (granted(p) ? 'granted' : 'denied');
	const ad_storage = v('m');
	const analytics_storage = v('a');
	const functionality_storage = v('p');
	gtag('consent', 'update', {
		ad_storage,
		ad_user_data: ad_storage,
		ad_personalization: ad_storage,
		analytics_storage,
		functionality_storage,
		personalization_storage: functionality_storage,
		security_storage: 'granted',
	});
	(tags.uetq ??= []).push('consent', 'update', { ad_storage });
	tags.clarity?.('consentv2', { ad_Storage: ad_storage, analytics_Storage: analytics_storage });
	tags.dataLayer?.push({ event: 'kunji_consent', kunji: view() });
};

export const mode = (): void => {
	listen(update);
	if (!ask()) update();
};

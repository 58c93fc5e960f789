// The page works without this file but for its dialogs; it adds dialogs, copy
// buttons, bulk selection and the live summary. It never assigns markup: text
// goes in as text, and Trusted Types in the policy hold it to that.
'use strict';

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

function announce(text) {
	const live = $('#live');
	live.textContent = '';
	requestAnimationFrame(() => { live.textContent = text; });
}

// --- dialogs: opened by [data-dialog], focus returns to the opener ----------

document.addEventListener('click', (event) => {
	const opener = event.target.closest('[data-dialog]');
	if (opener) {
		const dialog = document.getElementById(opener.dataset.dialog);
		dialog.addEventListener('close', () => opener.focus(), { once: true });
		dialog.showModal();
		return;
	}
	const closer = event.target.closest('[data-close]');
	if (closer) closer.closest('dialog').close();
});

// --- the secret: shown once, gone from the document when the dialog closes or
// the page is put away, so that neither history nor a cache holds it ---------

const secretDialog = $('#secret-dialog');
if (secretDialog) {
	const forget = () => {
		for (const node of $$('[data-secret]', secretDialog)) {
			if ('value' in node) node.value = '';
			node.textContent = '';
			node.removeAttribute('value');
		}
		if (secretDialog.open) secretDialog.close();
		secretDialog.remove();
	};
	const field = $('input[data-secret]', secretDialog);
	secretDialog.close();
	secretDialog.showModal();
	field.focus();
	field.select();
	field.addEventListener('focus', () => field.select());
	secretDialog.addEventListener('cancel', (event) => event.preventDefault());
	const stored = $('#secret-stored', secretDialog);
	const done = $('#secret-done', secretDialog);
	done.disabled = !stored.checked;
	stored.addEventListener('change', () => { done.disabled = !stored.checked; });
	done.addEventListener('click', () => {
		forget();
		$('main h1').focus();
	});
	window.addEventListener('pagehide', forget);
}

// --- copy: with a fallback, because a LAN host over http is not a secure
// context and has no navigator.clipboard ------------------------------------

async function copy(text, source) {
	if (navigator.clipboard) {
		try {
			await navigator.clipboard.writeText(text);
			return true;
		} catch { /* fall through to the selection */ }
	}
	if (source && source.select) {
		source.select();
	} else if (source) {
		getSelection().selectAllChildren(source);
	}
	return document.execCommand('copy');
}

document.addEventListener('click', async (event) => {
	const button = event.target.closest('[data-copy]');
	if (!button) return;
	const source = document.getElementById(button.dataset.copy);
	const text = source.value ?? source.textContent;
	const label = button.textContent;
	const copied = await copy(text, source);
	button.textContent = copied ? 'Copied' : 'Press Ctrl+C';
	announce(copied ? 'Copied to the clipboard.' : 'Selected. Press Ctrl+C to copy.');
	setTimeout(() => { button.textContent = label; }, 2500);
});

// --- bulk selection ---------------------------------------------------------

const bulk = $('.bulk');
if (bulk) {
	const boxes = $$('input[name="id"]');
	const all = $('#select-all');
	const show = () => {
		const n = boxes.filter((box) => box.checked).length;
		bulk.hidden = n === 0;
		$('#bulk-count').textContent = n === 1 ? '1 token selected' : `${n} tokens selected`;
		all.checked = n === boxes.length;
		all.indeterminate = n > 0 && n < boxes.length;
	};
	all.hidden = false;
	all.addEventListener('change', () => {
		for (const box of boxes) box.checked = all.checked;
		show();
	});
	for (const box of boxes) box.addEventListener('change', show);
	show();
}

// --- typing the name before a deletion --------------------------------------

for (const field of $$('[data-must-equal]')) {
	const button = $('button.danger', field.form);
	const check = () => { button.disabled = field.value !== field.dataset.mustEqual; };
	field.addEventListener('input', check);
	check();
}

// --- custom expiry ----------------------------------------------------------

const custom = $('#expires-custom');
if (custom) {
	const show = () => {
		custom.hidden = $('input[name="expires"]:checked')?.value !== 'custom';
		const never = $('#expires-never-warning');
		never.hidden = $('input[name="expires"]:checked')?.value !== 'never';
	};
	for (const radio of $$('input[name="expires"]')) radio.addEventListener('change', show);
	show();
}

// --- the live summary: what the token would be able to call -----------------

const summary = $('#summary');
if (summary) {
	const form = summary.closest('form') ?? $('#token-form');
	let timer = 0;
	let running = null;
	const line = (item) => {
		const li = document.createElement('li');
		const pill = document.createElement('span');
		pill.className = `pill ${item.allowed ? 'allow' : 'deny'}`;
		pill.textContent = item.allowed ? 'can' : 'cannot';
		const text = document.createElement('span');
		text.textContent = item.text;
		li.append(pill, text);
		if (item.missing) {
			const missing = document.createElement('span');
			missing.className = 'desc';
			missing.textContent = `missing ${item.missing}`;
			li.append(missing);
		}
		return li;
	};
	const refresh = async () => {
		running?.abort();
		running = new AbortController();
		try {
			const answer = await fetch(summary.dataset.url, {
				method: 'POST',
				body: new URLSearchParams(new FormData(form)),
				signal: running.signal,
			});
			if (!answer.ok) return;
			const { items, headline } = await answer.json();
			$('#summary-headline').textContent = headline;
			$('#summary-list').replaceChildren(...items.map(line));
		} catch { /* aborted by the next keystroke, or offline: the last summary stays */ }
	};
	form.addEventListener('input', () => {
		clearTimeout(timer);
		timer = setTimeout(refresh, 200);
	});
	refresh();
}

// --- adding a permission from the catalogue ---------------------------------

const picker = $('#permission-picker');
if (picker) {
	const area = $('#permissions');
	const add = () => {
		const value = picker.value.trim();
		if (!value) return;
		const lines = area.value.split(/\s+/).filter(Boolean);
		if (!lines.includes(value)) lines.push(value);
		area.value = lines.join('\n');
		picker.value = '';
		picker.focus();
		area.dispatchEvent(new Event('input', { bubbles: true }));
		announce(`${value} added.`);
	};
	$('#permission-add').addEventListener('click', add);
	picker.addEventListener('keydown', (event) => {
		if (event.key !== 'Enter') return;
		event.preventDefault();
		add();
	});
}

// --- try a request: examples fill the message --------------------------------

const example = $('#message-example');
if (example) {
	const field = $('#message');
	example.addEventListener('change', () => {
		if (!example.value) return;
		field.value = example.value;
		$('#http-method').value = 'POST';
		example.value = '';
		field.focus();
	});
}

// --- local times --------------------------------------------------------------

for (const time of $$('time[datetime]')) {
	const at = new Date(time.dateTime);
	if (!Number.isNaN(at.valueOf())) time.title = `${at.toLocaleString()} (${time.dateTime})`;
}

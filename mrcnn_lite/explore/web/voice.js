// What is said: values in one sentence once they rest, and what cannot be taken at once.

const SAY_AFTER_MS = 500;
// Long enough to be read twice.
const REFUSED_FOR_MS = 9000;

/** `say(words)` and `refuse(text)`, on a widget's two live regions. */
export function makeVoice({ status, alert }) {
  let [saying, refusing] = [0, 0];
  const say = (words) => {
    clearTimeout(saying);
    saying = setTimeout(() => {
      if (status.textContent !== words) status.textContent = words;
    }, SAY_AFTER_MS);
  };
  const refuse = (text) => {
    clearTimeout(refusing);
    if (alert.textContent !== text) alert.textContent = text;
    if (text) refusing = setTimeout(() => refuse(""), REFUSED_FOR_MS);
  };
  const end = () => [saying, refusing].forEach(clearTimeout);
  return { say, refuse, end };
}

// What outlives a page: unsent text, and the pass where the browser keeps no cookie. Nothing is stored before somebody writes.
// Where a browser refuses storage, it lives as long as the page.

const keepFor = (business) => {
  const place = "attune-chat:" + business;
  let all = {};
  const read = () => {
    try {
      all = JSON.parse(localStorage.getItem(place)) || {};
    } catch {
      // Refused, or not ours: what this page knows itself counts.
    }
    return all;
  };
  return {
    get: (name) => read()[name],
    set: (name, value) => {
      all = { ...read(), [name]: value };
      if (value === undefined || value === "" || value.length === 0) delete all[name];
      try {
        if (Object.keys(all).length) localStorage.setItem(place, JSON.stringify(all));
        else localStorage.removeItem(place);
      } catch {
        // The same.
      }
    },
  };
};

// An id that no other message has. crypto.randomUUID is there on secure pages only.
const freshId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

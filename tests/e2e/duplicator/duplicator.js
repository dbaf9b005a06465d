// What “Duplicate tab” of the tab strip does, for a test that names the tab by its address.
self.duplicate = async (address) => {
  const tabs = await chrome.tabs.query({});
  await chrome.tabs.duplicate(tabs.find(({ url }) => url === address).id);
};

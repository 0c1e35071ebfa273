// The theme changes without a round trip; the cookie lets the server draw the next page in it at once.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-theme-form]")) return;
  event.preventDefault();
  const order = ["auto", "light", "dark"];
  const theme = order[(order.indexOf(document.documentElement.dataset.bsTheme) + 1) % 3];
  document.documentElement.dataset.bsTheme = theme;
  document.cookie = `lastgood-theme=${theme}; path=/; max-age=31536000; secure; samesite=lax`;
  const icon = { auto: "device-desktop", light: "sun", dark: "moon" }[theme];
  for (const form of document.querySelectorAll("[data-theme-form]")) {
    const button = form.querySelector("button"), use = form.querySelector("use"), words = form.querySelector("span");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${icon}`));
    if (words) words.textContent = `Theme: ${theme}`;
    else button.setAttribute("aria-label", `Theme: ${theme}. Change it`);
    if (button.title) button.title = `Theme: ${theme}`;
  }
});

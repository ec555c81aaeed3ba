// The emoji one can choose from, as people look for them: the most usual, and not all there are. Their names are in LANGUAGE.json.
export const groups = [
  {
    name: "smileys",
    emoji:
      "😀 😄 😂 🤣 😊 🙂 🙃 😉 😍 🥰 😘 😋 😎 🤓 🤩 🥳 😏 😌 😴 🤔 🤨 😐 😬 🙄 😮 😲 😳 🥺 😢 😭 😞 😔 😟 😠 😤 😱 😅 🤯 🤗 🤭 🤫 🫡 🫠 🤒 😇 🤖 👻 💩".split(
        " ",
      ),
  },
  {
    name: "people",
    emoji:
      "👍 👎 👏 🙌 🙏 🤝 👌 ✌️ 🤞 🤟 🤙 👋 ✋ 🫶 💪 👀 🧠 👈 👉 👆 👇 ✍️ 🤷 🤦 🙋 🙇 🏃 💃 👶 👨‍👩‍👧 👩‍💻 🧑‍🚀 🦸 🎅".split(
        " ",
      ),
  },
  {
    name: "nature",
    emoji:
      "🐶 🐱 🐭 🐰 🦊 🐻 🐼 🦁 🐸 🐵 🙈 🐧 🐦 🦄 🐝 🦋 🐢 🐟 🐙 🌸 🌹 🌻 🌱 🌳 🍀 🍂 ☀️ 🌙 ⭐ 🌈 ☁️ 🌧️ ❄️ 🔥 🌊 🌍".split(
        " ",
      ),
  },
  {
    name: "food",
    emoji: "🍎 🍌 🍓 🍋 🥑 🍅 🥕 🌶️ 🥐 🍞 🧀 🍳 🍕 🍔 🌮 🍣 🍜 🥗 🍦 🍰 🎂 🍪 🍫 🍿 ☕ 🍵 🍺 🍻 🍷 🥂".split(" "),
  },
  {
    name: "things",
    emoji:
      "🎉 🎊 🎁 🎈 🏆 🥇 🎯 ⚽ 🏀 🎾 🎲 🎮 🎵 🎸 🎬 📷 🚗 🚲 🚆 ✈️ 🚀 ⛵ 🏠 🏖️ ⛰️ ⏰ ⏳ 📅 📌 📎 📈 📉 📣 📚 💡 🔧 🔒 🔑 💰 💻 📱 ☎️ 📧 📝 🗑️ 🐛".split(
        " ",
      ),
  },
  {
    name: "signs",
    emoji: "❤️ 🧡 💛 💚 💙 💜 🖤 🤍 💔 💖 💯 ✨ 💥 💬 💤 ✅ ☑️ ❌ ❓ ❗ ⚠️ 🚫 ♻️ ➕ ➖ 🔁 🔴 🟡 🟢 🏁".split(" "),
  },
] as const;

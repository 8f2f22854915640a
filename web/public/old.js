/* Only browsers without modules load this. They get a sentence, in words that they understand. */
(function () {
  var words = {
    en: "This browser is too old to run the reader. Any browser from 2023 or later has what it needs.",
    de: "Dieser Browser ist zu alt für das Lesegerät. Jeder Browser ab 2023 hat, was es braucht.",
    fr: "Ce navigateur est trop ancien pour le lecteur. Tout navigateur à partir de 2023 convient.",
    ar: "هذا المتصفح قديم ولا يشغّل القارئ. أي متصفح من عام 2023 أو بعده يكفي.",
  };
  var language = (navigator.language || "en").slice(0, 2);
  var notice = document.createElement("p");
  notice.id = "old";
  notice.className = "notice";
  notice.lang = words[language] ? language : "en";
  notice.dir = language === "ar" ? "rtl" : "ltr";
  notice.appendChild(document.createTextNode(words[notice.lang]));
  document.body.insertBefore(notice, document.body.firstChild);
})();

use crate::kit::TestSite;
#[tokio::test]
#[ignore = "preview"]
async fn preview() {
    let site = TestSite::seeded().await;
    let kind = std::env::var("PREVIEW").unwrap_or_default();
    if kind == "trouble" {
        let mut s = crate::seed::state(2);
        s["primary"]["health"] = serde_json::json!({"state": "down", "detail": "worker 4711 died: ModuleNotFoundError: No module named 'sklearn'"});
        s["answered_by_shadow"] = 812.into();
        s["breaker"] = "open".into();
        crate::seed::ack(&site, 1, 2, 3, &s).await;
        crate::seed::ack(&site, 2, 1, 200, &s).await;
        let b = serde_json::json!({"to": "shadow", "why": "The primary says 0.99 for every Newark departure since 09:00; looks like the weather join"});
        site.post_json("/api/v1/services/delay/switch", &b).await;
        let b = serde_json::json!({"to": "primary", "why": "weather is back"});
        site.post_json("/api/v1/services/delay/switch", &b).await;
        crate::seed::ack(&site, 1, 4, 3, &s).await;
    }
    let port = std::env::var("PORT").unwrap();
    let l = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(900), lamp_web::serve(site.app.clone(), site.settings.clone(), l, std::future::pending())).await;
}

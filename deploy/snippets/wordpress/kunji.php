<?php
/**
 * Plugin Name: Kunji
 * Description: Consent banner and ad measurement by your own Kunji edge.
 * Version: 1.0.0
 * Requires PHP: 7.4
 *
 * Put this file into wp-content/plugins, name your edge in wp-config.php and
 * activate the plugin:
 *
 *     define('KUNJI_ENDPOINT', 'https://t.shop.example');
 *     define('KUNJI_SITE', 'shop');
 *
 * It prints the tag first in <head>, a link to the visitor's choices in the
 * footer and for the shortcode [kunji_choices], and one conversion for each
 * order that WooCommerce confirms.
 */

if (!defined('ABSPATH')) {
    exit;
}

function kunji_url($path)
{
    if (!defined('KUNJI_ENDPOINT') || !defined('KUNJI_SITE')) {
        return '';
    }
    return rtrim(KUNJI_ENDPOINT, '/') . $path . rawurlencode(KUNJI_SITE);
}

function kunji_head()
{
    $url = kunji_url('/b/');
    if ($url !== '') {
        printf('<script src="%s.js" async></script>' . "\n", esc_url($url)); // phpcs:ignore WordPress.WP.EnqueuedResources
    }
}
add_action('wp_head', 'kunji_head', 0);

function kunji_choices()
{
    $url = kunji_url('/choices/');
    if ($url === '') {
        return '';
    }
    return sprintf('<a href="%s">%s</a>', esc_url($url), esc_html__('Privacy choices', 'kunji'));
}
add_shortcode('kunji_choices', 'kunji_choices');

function kunji_footer()
{
    echo '<p class="kunji-choices">' . kunji_choices() . '</p>'; // escaped where it is made
}
add_action('wp_footer', 'kunji_footer');

/** Held back until marketing is granted; the order number is counted once. */
function kunji_order($order_id)
{
    $order = wc_get_order($order_id);
    if (!$order) {
        return;
    }
    $conversion = array(
        'value' => (float) $order->get_total(),
        'currency' => $order->get_currency(),
        'order' => (string) $order->get_order_number(),
    );
    printf(
        '<script type="text/plain" data-kunji="marketing">kunji.convert(%s);</script>' . "\n",
        wp_json_encode($conversion, JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS)
    );
}
add_action('woocommerce_thankyou', 'kunji_order');

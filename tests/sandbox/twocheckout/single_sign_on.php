<?php
// The request of the vendor's sample of getSingleSignOnByCustomer, in our words: the same params in the same order, the
// same nulls and types (docs/protocols/2checkout.md, section 3; the page "Single Sign On by customer reference", [S3]).
declare(strict_types=1);

require 'PATH_TO_AUTH';

$jsonRpcRequest = [
    'method' => 'getSingleSignOnByCustomer',
    'params' => [$sessionID, '352365983', '2CheckoutCustomerReference', 'my_license', null, 50, null, 'en'],
    'id' => $i++,
    'jsonrpc' => '2.0',
];
